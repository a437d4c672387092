import { compareRow } from './compare';
import {
  biases,
  counts,
  dimension,
  PANEL,
  panels,
  queryCount,
  SEARCH_FROM,
  scales,
  scores,
  starts,
  sweepPanels,
  TILE,
  tiles,
} from './layout';
import { multiply } from './product';
import { searchRow } from './search';

/**
 * Counts, for each list entry, the items of the block that stand before it: those of a higher score, and
 * those of the same score and a lower index. Each list is in that order itself.
 */
export function countBlock(start: i32, count: i32): void {
  const sweep = sweepPanels * PANEL;
  for (let j = 0; j < count; j += sweep) countSweep(start, j, min(sweep, count - j));
}

/** Items whose scores are there at a time. */
export function sweepItems(): i32 {
  return sweepPanels * PANEL;
}

/** Scores of the tile of queries from `q` on with `count` items of the block from `first` on, at most a sweep. */
export function scoreTile(q: i32, first: i32, count: i32): void {
  const stride = 4 * <usize>(sweepPanels * PANEL);
  const panelCount = (count + PANEL - 1) / PANEL;
  const tile = tiles + 4 * <usize>q * dimension;
  for (let p = 0; p < panelCount; p++) {
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
}

function countSweep(blockStart: i32, first: i32, count: i32): void {
  const stride = 4 * <usize>(sweepPanels * PANEL);
  const panelCount = (count + PANEL - 1) / PANEL;
  for (let q = 0; q < queryCount; q += TILE) {
    const last = min(queryCount, q + TILE);
    if (entry(q) === entry(last)) continue;
    scoreTile(q, first, count);
    for (let query = q; query < last; query++) {
      const from = entry(query);
      const length = entry(query + 1) - from;
      if (length === 0) continue;
      const row = scores + stride * (query - q);
      if (length < SEARCH_FROM) compareRow(row, panelCount * PANEL, blockStart + first, from, length);
      else searchRow(row, panelCount * PANEL, blockStart + first, from, length);
    }
  }
}

/** Ends the counts: the sorted search leaves them as differences. */
export function finishCounts(): void {
  for (let query = 0; query < queryCount; query++) {
    const from = entry(query);
    const to = entry(query + 1);
    if (to - from < SEARCH_FROM) continue;
    let sum = 0;
    for (let i = from; i < to; i++) {
      sum += load<i32>(counts + 4 * <usize>i);
      store<i32>(counts + 4 * <usize>i, sum);
    }
  }
}

function entry(query: i32): i32 {
  return load<i32>(starts + 4 * <usize>query);
}
