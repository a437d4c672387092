import {
  dimension,
  distances,
  GROUP,
  group,
  groupSquares,
  isEuclidean,
  itemSquares,
  PANEL,
  panels,
  TILE,
} from './layout';
import { multiplyAddExact } from './multiply-add';

/**
 * Distances of the group's queries to the `count` items of the block, in float64: a row for each query. Euclidean
 * ones are squared. Products are summed one after the other in the order of the dimensions.
 */
export function distanceRows(count: i32): void {
  const panelCount = (count + PANEL - 1) / PANEL;
  const stride = 8 * PANEL * <usize>panelCount;
  for (let p = 0; p < panelCount; p++) {
    const panel = panels + 4 * PANEL * <usize>p * dimension;
    for (let q = 0; q < GROUP; q += TILE) {
      const tile = group + 8 * <usize>q * dimension;
      const target = distances + stride * q + 8 * PANEL * <usize>p;
      multiplyFour(tile, panel, target, stride);
      multiplyFour(tile, panel + 16, target + 32, stride);
    }
  }
  for (let q = 0; q < GROUP; q++) finish(distances + stride * q, 8 * PANEL * panelCount, q);
}

/** The distance of one of the group's queries to one item of the block: the bits that its row has. */
export function distanceOf(query: i32, item: i32): f64 {
  let first = group + 8 * (<usize>(query & ~(TILE - 1)) * dimension + (query & (TILE - 1)));
  let last = panels + 4 * (<usize>(item & ~(PANEL - 1)) * dimension + (item & (PANEL - 1)));
  let sum: f64 = 0;
  for (let k = 0; k < dimension; k++) {
    sum += load<f64>(first) * <f64>load<f32>(last);
    first += 8 * TILE;
    last += 4 * PANEL;
  }
  return f64x2.extract_lane(
    finished(
      f64x2.splat(sum),
      v128.load64_splat(groupSquares + 8 * query),
      v128.load64_splat(itemSquares + 8 * item),
    ),
    0,
  );
}

/** Products of the four queries of a tile with four items of a panel, each summed in one lane. */
function multiplyFour(tile: usize, panel: usize, target: usize, stride: usize): void {
  let a0 = f64x2.splat(0);
  let a1 = f64x2.splat(0);
  let b0 = f64x2.splat(0);
  let b1 = f64x2.splat(0);
  let c0 = f64x2.splat(0);
  let c1 = f64x2.splat(0);
  let d0 = f64x2.splat(0);
  let d1 = f64x2.splat(0);
  const end = tile + 8 * TILE * <usize>dimension;
  while (tile < end) {
    const items = v128.load(panel);
    const items0 = f64x2.promote_low_f32x4(items);
    const items1 = f64x2.promote_low_f32x4(v128.shuffle<f32>(items, items, 2, 3, 2, 3));
    const a = v128.load64_splat(tile);
    a0 = multiplyAddExact(a, items0, a0);
    a1 = multiplyAddExact(a, items1, a1);
    const b = v128.load64_splat(tile, 8);
    b0 = multiplyAddExact(b, items0, b0);
    b1 = multiplyAddExact(b, items1, b1);
    const c = v128.load64_splat(tile, 16);
    c0 = multiplyAddExact(c, items0, c0);
    c1 = multiplyAddExact(c, items1, c1);
    const d = v128.load64_splat(tile, 24);
    d0 = multiplyAddExact(d, items0, d0);
    d1 = multiplyAddExact(d, items1, d1);
    tile += 8 * TILE;
    panel += 4 * PANEL;
  }
  v128.store(target, a0);
  v128.store(target, a1, 16);
  target += stride;
  v128.store(target, b0);
  v128.store(target, b1, 16);
  target += stride;
  v128.store(target, c0);
  v128.store(target, c1, 16);
  target += stride;
  v128.store(target, d0);
  v128.store(target, d1, 16);
}

/** Turns a row of products, `bytes` long, into the distances of one of the group's queries. */
function finish(row: usize, bytes: usize, query: i32): void {
  const square = v128.load64_splat(groupSquares + 8 * query);
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(row + at, finished(v128.load(row + at), square, v128.load(itemSquares + at)));
  }
}

function finished(products: v128, querySquares: v128, squares: v128): v128 {
  const none = f64x2.splat(0);
  const one = f64x2.splat(1);
  if (isEuclidean) {
    const sums = f64x2.add(querySquares, squares);
    return f64x2.max(none, f64x2.sub(sums, f64x2.add(products, products)));
  }
  const norms = f64x2.sqrt(f64x2.mul(querySquares, squares));
  // A vector of zeros has no direction.
  return v128.bitselect(one, f64x2.sub(one, f64x2.div(products, norms)), f64x2.eq(norms, none));
}
