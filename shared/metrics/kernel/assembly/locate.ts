import {
  biases,
  dimension,
  itemScores,
  items,
  PANEL,
  panels,
  queryCount,
  scales,
  scores,
  starts,
  sweepPanels,
  TILE,
  tiles,
  wanted,
} from './layout';
import { multiply } from './product';

/**
 * Scores of the list entries that lie in the block of `count` items from `start` on. Each list ascends.
 * Only tiles and panels with such an entry are multiplied, by the loop that multiplies them all when items
 * are counted: the bits agree.
 */
export function locateBlock(start: i32, count: i32): void {
  const sweep = sweepPanels * PANEL;
  for (let j = 0; j < count; j += sweep) locateSweep(start, j, min(sweep, count - j));
}

function locateSweep(blockStart: i32, first: i32, count: i32): void {
  const start = blockStart + first;
  const stride = 4 * <usize>(sweepPanels * PANEL);
  const panelCount = (count + PANEL - 1) / PANEL;
  for (let q = 0; q < queryCount; q += TILE) {
    const last = min(queryCount, q + TILE);
    memory.fill(wanted, 0, panelCount);
    let any = false;
    for (let query = q; query < last; query++) {
      const end = load<i32>(starts + 4 * <usize>(query + 1));
      for (let i = firstFrom(query, start); i < end; i++) {
        const item = load<i32>(items + 4 * <usize>i) - start;
        if (item >= count) break;
        store<u8>(wanted + item / PANEL, 1);
        any = true;
      }
    }
    if (!any) continue;

    const tile = tiles + 4 * <usize>q * dimension;
    for (let p = 0; p < panelCount; p++) {
      if (!load<u8>(wanted + p)) continue;
      const item = <usize>(first + p * PANEL);
      multiply(
        tile,
        panels + 4 * item * dimension,
        scales + 4 * item,
        biases + 4 * item,
        scores + 4 * PANEL * p,
        stride,
      );
    }
    for (let query = q; query < last; query++) {
      const row = scores + stride * (query - q);
      const end = load<i32>(starts + 4 * <usize>(query + 1));
      for (let i = firstFrom(query, start); i < end; i++) {
        const item = load<i32>(items + 4 * <usize>i) - start;
        if (item >= count) break;
        store<f32>(itemScores + 4 * <usize>i, load<f32>(row + 4 * item));
      }
    }
  }
}

/** The first entry of a query's list that is `item` or above. */
function firstFrom(query: i32, item: i32): i32 {
  let low = load<i32>(starts + 4 * <usize>query);
  let high = load<i32>(starts + 4 * <usize>(query + 1));
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<i32>(items + 4 * <usize>middle) < item) low = middle + 1;
    else high = middle;
  }
  return low;
}
