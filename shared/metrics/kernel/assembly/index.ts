export { countBlock, finishCounts, scoreTile, sweepItems } from './count';
export { distanceOf, distanceRows } from './distances';
export {
  biases,
  counts,
  distances,
  group,
  groupSquares,
  itemScores,
  items,
  querySquares,
  reserve,
  reserveDistances,
  reserveLists,
  scores,
  staging,
  starts,
} from './layout';
export { locateBlock } from './locate';
export { packGallery, packItems, packQueries, refusedRow } from './pack';
