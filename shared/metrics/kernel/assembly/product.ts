import { dimension, PANEL, TILE } from './layout';
import { multiplyAdd } from './multiply-add';

/** Dimensions that are summed together; sums of sums round less than one long sum. */
const SPAN: usize = 64;

/**
 * Scores of one tile of queries and one panel of items: TILE rows of PANEL numbers, `stride` bytes apart.
 *
 * Each score is summed in one lane, over the dimensions in their order, so it depends on its two vectors
 * alone. In a runtime that checks the bounds of every load, loads are what limits this loop: three of the
 * four numbers of the queries come out of one load, the fourth is loaded to balance the ports.
 */
export function multiply(
  tile: usize,
  panel: usize,
  scale: usize,
  bias: usize,
  target: usize,
  stride: usize,
): void {
  let sumA0 = f32x4.splat(0);
  let sumA1 = f32x4.splat(0);
  let sumB0 = f32x4.splat(0);
  let sumB1 = f32x4.splat(0);
  let sumC0 = f32x4.splat(0);
  let sumC1 = f32x4.splat(0);
  let sumD0 = f32x4.splat(0);
  let sumD1 = f32x4.splat(0);
  const end = tile + 4 * TILE * <usize>dimension;
  while (tile < end) {
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let b0 = f32x4.splat(0);
    let b1 = f32x4.splat(0);
    let c0 = f32x4.splat(0);
    let c1 = f32x4.splat(0);
    let d0 = f32x4.splat(0);
    let d1 = f32x4.splat(0);
    const pause = min(end, tile + 4 * TILE * SPAN);
    while (tile < pause) {
      const items0 = v128.load(panel);
      const items1 = v128.load(panel, 16);
      const queries = v128.load(tile);
      const a = v128.shuffle<f32>(queries, queries, 0, 0, 0, 0);
      a0 = multiplyAdd(a, items0, a0);
      a1 = multiplyAdd(a, items1, a1);
      const b = v128.shuffle<f32>(queries, queries, 1, 1, 1, 1);
      b0 = multiplyAdd(b, items0, b0);
      b1 = multiplyAdd(b, items1, b1);
      const c = v128.shuffle<f32>(queries, queries, 2, 2, 2, 2);
      c0 = multiplyAdd(c, items0, c0);
      c1 = multiplyAdd(c, items1, c1);
      const d = v128.load32_splat(tile, 12);
      d0 = multiplyAdd(d, items0, d0);
      d1 = multiplyAdd(d, items1, d1);
      tile += 4 * TILE;
      panel += 4 * PANEL;
    }
    sumA0 = f32x4.add(sumA0, a0);
    sumA1 = f32x4.add(sumA1, a1);
    sumB0 = f32x4.add(sumB0, b0);
    sumB1 = f32x4.add(sumB1, b1);
    sumC0 = f32x4.add(sumC0, c0);
    sumC1 = f32x4.add(sumC1, c1);
    sumD0 = f32x4.add(sumD0, d0);
    sumD1 = f32x4.add(sumD1, d1);
  }
  const scale0 = v128.load(scale);
  const scale1 = v128.load(scale, 16);
  const bias0 = v128.load(bias);
  const bias1 = v128.load(bias, 16);
  v128.store(target, f32x4.add(f32x4.mul(sumA0, scale0), bias0));
  v128.store(target, f32x4.add(f32x4.mul(sumA1, scale1), bias1), 16);
  target += stride;
  v128.store(target, f32x4.add(f32x4.mul(sumB0, scale0), bias0));
  v128.store(target, f32x4.add(f32x4.mul(sumB1, scale1), bias1), 16);
  target += stride;
  v128.store(target, f32x4.add(f32x4.mul(sumC0, scale0), bias0));
  v128.store(target, f32x4.add(f32x4.mul(sumC1, scale1), bias1), 16);
  target += stride;
  v128.store(target, f32x4.add(f32x4.mul(sumD0, scale0), bias0));
  v128.store(target, f32x4.add(f32x4.mul(sumD1, scale1), bias1), 16);
}
