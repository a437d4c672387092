export { countBlock, finishCounts } from './count';
export {
  biases,
  counts,
  itemScores,
  items,
  querySquares,
  reserve,
  reserveLists,
  staging,
  starts,
} from './layout';
export { locateBlock } from './locate';
export { packGallery, packQueries, refusedRow } from './pack';
