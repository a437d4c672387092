export { countBlock, finishCounts } from './count';
export {
  biases,
  counts,
  items,
  itemScores,
  querySquares,
  reserve,
  reserveLists,
  staging,
  starts,
} from './layout';
export { locateBlock } from './locate';
export { packGallery, packQueries, refusedRow } from './pack';
