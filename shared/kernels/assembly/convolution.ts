import { multiplyAdd } from '../../metrics/kernel/assembly/multiply-add';
import { PANEL } from './pack-filter';
import { place } from './place';
import { groupSize, locateWindows } from './windows';

/** Windows that are multiplied at a time. */
const TILE: i32 = 4;

/** Bytes of maps that stay in the first-level cache while every panel of the filter passes over them. */
const BLOCK_BYTES: i32 = 16384;

/** A tile at the edge of the output is written here first. */
const EDGE_BYTES: usize = 4 * <usize>(TILE * PANEL);

/** Bytes of scratch memory that `convolve` and `filterGradient` need. */
export function scratchBytes(
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
): usize {
  const windows = outHeight * outWidth;
  const imageBytes = 4 * <usize>(height * width * channels);
  return EDGE_BYTES + <usize>groupSize(imageBytes, windows, images) * (imageBytes + 4 * <usize>windows);
}

/**
 * A convolution with packed filters, over maps that are laid out with their padding (`place`) a group of
 * images at a time. Where the layout changes nothing, the maps are read where they are.
 *
 * A window's row is `filterWidth · channels` numbers in a row, so that nothing has to be gathered: the inner
 * loop reads four windows and one panel of eight filters forward.
 *
 * maps [images, inHeight, inWidth, channels], filter as `packMatrix` packs [window, filters]
 *   → target [images, outHeight, outWidth, filters]
 */
export function convolve(
  maps: usize,
  filter: usize,
  filters: i32,
  target: usize,
  scratch: usize,
  images: i32,
  inHeight: i32,
  inWidth: i32,
  channels: i32,
  height: i32,
  width: i32,
  top: i32,
  left: i32,
  spreadY: i32,
  spreadX: i32,
  filterHeight: i32,
  filterWidth: i32,
  strideY: i32,
  strideX: i32,
  outHeight: i32,
  outWidth: i32,
): void {
  const windows = outHeight * outWidth;
  const imageBytes = 4 * <usize>(height * width * channels);
  const group = groupSize(imageBytes, windows, images);
  const edge = scratch;
  const offsets = edge + EDGE_BYTES;
  const laidOut = offsets + 4 * <usize>(group * windows);
  const isInPlace = height === inHeight && width === inWidth && top === 0 && left === 0;
  const run = filterWidth * channels;
  const rowBytes = 4 * <usize>(width * channels);
  const panelBytes = 4 * <usize>(PANEL * filterHeight * run);
  const block = max(TILE, (BLOCK_BYTES / (4 * channels * strideX * strideY)) & ~(TILE - 1));
  const outBytes = 4 * <usize>filters;

  locateWindows(offsets, group, height, width, channels, outHeight, outWidth, strideY, strideX);
  if (!isInPlace) memory.fill(laidOut, 0, <usize>group * imageBytes);
  for (let image = 0; image < images; image += group) {
    const count = min(group, images - image);
    let source = maps + 4 * <usize>(image * inHeight * inWidth) * channels;
    if (!isInPlace) {
      place(source, count, inHeight, inWidth, channels, laidOut, height, width, top, left, spreadY, spreadX);
      source = laidOut;
    }
    const out = target + <usize>(image * windows) * outBytes;
    const all = count * windows;
    for (let first = 0; first < all; first += block) {
      const end = min(all, first + block);
      for (let panel = 0; panel < filters; panel += PANEL) {
        const weights = filter + <usize>(panel / PANEL) * panelBytes;
        const lanes = min(PANEL, filters - panel);
        for (let window = first; window < end; window += TILE) {
          const at = offsets + 4 * <usize>window;
          const rows = min(TILE, end - window);
          const p0 = source + load<i32>(at);
          const p1 = rows > 1 ? source + load<i32>(at, 4) : p0;
          const p2 = rows > 2 ? source + load<i32>(at, 8) : p0;
          const p3 = rows > 3 ? source + load<i32>(at, 12) : p0;
          const to = out + <usize>window * outBytes + 4 * panel;
          if (rows === TILE && lanes === PANEL) {
            multiplyTile(p0, p1, p2, p3, rowBytes, filterHeight, run, weights, to, outBytes);
          } else {
            multiplyTile(p0, p1, p2, p3, rowBytes, filterHeight, run, weights, edge, 4 * PANEL);
            for (let row = 0; row < rows; row++) {
              memory.copy(to + <usize>row * outBytes, edge + 4 * <usize>(row * PANEL), 4 * lanes);
            }
          }
        }
      }
    }
  }
}

/** Products of four windows and one panel of filters: TILE rows of PANEL numbers, `outBytes` apart. */
function multiplyTile(
  p0: usize,
  p1: usize,
  p2: usize,
  p3: usize,
  rowBytes: usize,
  rows: i32,
  run: i32,
  weights: usize,
  target: usize,
  outBytes: usize,
): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let c0 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let d0 = f32x4.splat(0);
  let d1 = f32x4.splat(0);
  const runBytes = 4 * <usize>run;
  const nextRow = rowBytes - runBytes;
  for (let row = 0; row < rows; row++) {
    const end = p0 + runBytes;
    while (p0 < end) {
      const w0 = v128.load(weights);
      const w1 = v128.load(weights, 16);
      let value = v128.load32_splat(p0);
      a0 = multiplyAdd(value, w0, a0);
      a1 = multiplyAdd(value, w1, a1);
      value = v128.load32_splat(p1);
      b0 = multiplyAdd(value, w0, b0);
      b1 = multiplyAdd(value, w1, b1);
      value = v128.load32_splat(p2);
      c0 = multiplyAdd(value, w0, c0);
      c1 = multiplyAdd(value, w1, c1);
      value = v128.load32_splat(p3);
      d0 = multiplyAdd(value, w0, d0);
      d1 = multiplyAdd(value, w1, d1);
      p0 += 4;
      p1 += 4;
      p2 += 4;
      p3 += 4;
      weights += 4 * PANEL;
    }
    p0 += nextRow;
    p1 += nextRow;
    p2 += nextRow;
    p3 += nextRow;
  }
  v128.store(target, a0);
  v128.store(target, a1, 16);
  target += outBytes;
  v128.store(target, b0);
  v128.store(target, b1, 16);
  target += outBytes;
  v128.store(target, c0);
  v128.store(target, c1, 16);
  target += outBytes;
  v128.store(target, d0);
  v128.store(target, d1, 16);
}
