/**
 * The kernel's memory, laid out anew for every run. All numbers are float32 unless said otherwise; a
 * `tile` is TILE queries, a `panel` PANEL gallery items, and both lie dimension by dimension, so that the
 * inner loop reads forward only.
 */

/** Queries that are multiplied at a time. */
export const TILE = 4;

/** Gallery items that are multiplied at a time: two vectors of four. */
export const PANEL = 8;

/** Where a block's panels are swept in parts: what stays in the second-level cache. */
const SWEEP_BYTES = 262144;

/** Queries with fewer matches are counted by comparing with each; with more, by a sorted search. */
export const SEARCH_FROM = 96;

export let dimension: i32 = 0;
export let queryCount: i32 = 0;
export let isEuclidean: bool = false;

/** Panels of one sweep. */
export let sweepPanels: i32 = 0;

/** [dimension, rows]: a block as it comes. */
export let staging: usize = 0;

/** [tiles][dimension][TILE] */
export let tiles: usize = 0;

/** Float64, of each query: its squared length. */
export let querySquares: usize = 0;

/** [panels][dimension][PANEL] */
export let panels: usize = 0;

/** Of each item of the block, to the next whole panel: its score is product · scale + bias. */
export let scales: usize = 0;
export let biases: usize = 0;

/** Float64, of one panel or tile: squared lengths. */
export let squares: usize = 0;

/** [TILE][sweepPanels · PANEL]: scores of a tile. */
export let scores: usize = 0;

/** Bytes, one a panel of a sweep: whether a tile has something to find there. */
export let wanted: usize = 0;

/** SEARCH_FROM numbers: what an item must be above to stand before a match. */
export let limits: usize = 0;

/** The lists of the pass that runs: int32 [queries + 1], where each query's list starts. */
export let starts: usize = 0;

/** Int32: gallery indices, list after list. */
export let items: usize = 0;

/** Of each list entry: its score. */
export let itemScores: usize = 0;

/** Int32, of each list entry: how many gallery items stand before it. */
export let counts: usize = 0;

/** Queries whose distances to a block are made together, and lie there row by row. */
export const GROUP = 8;

/** Float64, [GROUP / TILE][dimension][TILE]: the queries of a group. */
export let group: usize = 0;

/** Float64, of each query of a group: its squared length. */
export let groupSquares: usize = 0;

/** Float64, of each item of the block, to the next whole panel: its squared length. */
export let itemSquares: usize = 0;

/** Float64, [GROUP][panels · PANEL]: the distances of a group. */
export let distances: usize = 0;

let free: usize = 0;

function take(bytes: usize): usize {
  const address = free;
  free += (bytes + 63) & ~63;
  return address;
}

/** Grows the memory to what has been taken. Traps where there is no more. */
function claim(): void {
  const pages = <i32>((free + 65535) >>> 16) - memory.size();
  if (pages > 0 && memory.grow(pages) < 0) unreachable();
}

/** Lays out all but the lists, for `queries` queries and blocks of up to `rows` rows. */
export function reserve(depth: i32, queries: i32, rows: i32, euclidean: bool): void {
  dimension = depth;
  queryCount = queries;
  isEuclidean = euclidean;
  const row = 4 * <usize>depth;
  const panelCount = (rows + PANEL - 1) / PANEL;
  sweepPanels = max(1, min(panelCount, SWEEP_BYTES / (PANEL * 4 * depth)));

  free = (__heap_base + 63) & ~63;
  staging = take(<usize>rows * row);
  tiles = take(<usize>((queries + TILE - 1) / TILE) * TILE * row);
  querySquares = take(8 * <usize>((queries + TILE - 1) / TILE) * TILE);
  panels = take(<usize>panelCount * PANEL * row);
  scales = take(<usize>panelCount * PANEL * 4);
  biases = take(<usize>panelCount * PANEL * 4);
  squares = take(8 * PANEL);
  scores = take(<usize>(TILE * PANEL * 4) * sweepPanels);
  wanted = take(sweepPanels);
  limits = take(4 * SEARCH_FROM);
  starts = take(4 * <usize>(queries + 1));
  items = free;
  claim();
}

/** Lays out what distances in float64 need, in place of all else, for blocks of up to `rows` rows. */
export function reserveDistances(depth: i32, rows: i32, euclidean: bool): void {
  dimension = depth;
  isEuclidean = euclidean;
  const width = <usize>((rows + PANEL - 1) / PANEL) * PANEL;

  free = (__heap_base + 63) & ~63;
  staging = take(4 * <usize>rows * depth);
  panels = take(4 * width * depth);
  squares = take(8 * PANEL);
  group = take(8 * GROUP * <usize>depth);
  groupSquares = take(8 * GROUP);
  itemSquares = take(8 * width);
  distances = take(8 * GROUP * width);
  claim();
}

/** Makes room for lists of `length` entries together, in place of the ones before. */
export function reserveLists(length: i32): void {
  free = items;
  take(4 * <usize>length);
  itemScores = take(4 * <usize>length);
  counts = take(4 * <usize>length);
  claim();
}
