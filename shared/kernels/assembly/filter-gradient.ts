import { multiplyAdd } from '../../metrics/kernel/assembly/multiply-add';
import { PANEL } from './pack-filter';
import { place } from './place';
import { groupSize, locateWindows } from './windows';

/** Elements of a window that are multiplied at a time. */
const TILE: i32 = 4;

/** Bytes of maps and gradients that stay in the first-level cache while all tiles pass over them. */
const BLOCK_BYTES: i32 = 24576;

/**
 * The gradient of a convolution's filters: of each element of the window and each filter, the sum over all
 * windows of the element times the gradient of the output. Maps are laid out as in `convolve`.
 *
 * maps [images, inHeight, inWidth, channels], gradient [images, outHeight, outWidth, filters]
 *   → target [filterHeight, filterWidth, channels, filters]
 */
export function filterGradient(
  maps: usize,
  gradient: usize,
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
  const offsets = scratch;
  const laidOut = offsets + 4 * <usize>(group * windows);
  const isInPlace = height === inHeight && width === inWidth && top === 0 && left === 0;
  const run = filterWidth * channels;
  const rowBytes = 4 * <usize>(width * channels);
  const outBytes = 4 * <usize>filters;
  const elements = filterHeight * run;
  const block = max(32, BLOCK_BYTES / (4 * (channels * strideX * strideY + filters)));

  memory.fill(target, 0, outBytes * <usize>elements);
  locateWindows(offsets, group, height, width, channels, outHeight, outWidth, strideY, strideX);
  if (!isInPlace) memory.fill(laidOut, 0, <usize>group * imageBytes);
  for (let image = 0; image < images; image += group) {
    const count = min(group, images - image);
    let source = maps + 4 * <usize>(image * inHeight * inWidth) * channels;
    if (!isInPlace) {
      place(source, count, inHeight, inWidth, channels, laidOut, height, width, top, left, spreadY, spreadX);
      source = laidOut;
    }
    const out = gradient + <usize>(image * windows) * outBytes;
    const all = count * windows;
    for (let first = 0; first < all; first += block) {
      const from = offsets + 4 * <usize>first;
      const end = offsets + 4 * <usize>min(all, first + block);
      const slopes = out + <usize>first * outBytes;
      for (let element = 0; element < elements; element += TILE) {
        const rows = min(TILE, elements - element);
        const column = element % run;
        const origin = source + windowOffset(element, run, rowBytes);
        const isInRow = rows === TILE && column + TILE <= run;
        for (let panel = 0; panel < filters; panel += PANEL) {
          const lanes = min(PANEL, filters - panel);
          const slope = slopes + 4 * panel;
          const to = target + <usize>element * outBytes + 4 * panel;
          if (lanes < PANEL) {
            addNarrow(from, end, source, element, rows, run, rowBytes, slope, lanes, outBytes, to);
          } else if (isInRow) {
            addTile(from, end, origin, slope, outBytes, to);
          } else {
            addScattered(from, end, source, element, rows, run, rowBytes, slope, outBytes, to);
          }
        }
      }
    }
  }
}

/** Where an element of the window lies from the window's first. */
function windowOffset(element: i32, run: i32, rowBytes: usize): usize {
  return <usize>(element / run) * rowBytes + 4 * <usize>(element % run);
}

/** Adds what a block of windows gives to four elements in a row times one panel of filters. */
function addTile(from: usize, end: usize, origin: usize, slope: usize, outBytes: usize, target: usize): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let c0 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let d0 = f32x4.splat(0);
  let d1 = f32x4.splat(0);
  while (from < end) {
    const window = origin + load<i32>(from);
    const g0 = v128.load(slope);
    const g1 = v128.load(slope, 16);
    let value = v128.load32_splat(window);
    a0 = multiplyAdd(value, g0, a0);
    a1 = multiplyAdd(value, g1, a1);
    value = v128.load32_splat(window, 4);
    b0 = multiplyAdd(value, g0, b0);
    b1 = multiplyAdd(value, g1, b1);
    value = v128.load32_splat(window, 8);
    c0 = multiplyAdd(value, g0, c0);
    c1 = multiplyAdd(value, g1, c1);
    value = v128.load32_splat(window, 12);
    d0 = multiplyAdd(value, g0, d0);
    d1 = multiplyAdd(value, g1, d1);
    from += 4;
    slope += outBytes;
  }
  addRow(target, a0, a1);
  target += outBytes;
  addRow(target, b0, b1);
  target += outBytes;
  addRow(target, c0, c1);
  target += outBytes;
  addRow(target, d0, d1);
}

/** The same for up to four elements wherever they are in the window. */
function addScattered(
  from: usize,
  end: usize,
  source: usize,
  element: i32,
  rows: i32,
  run: i32,
  rowBytes: usize,
  slope: usize,
  outBytes: usize,
  target: usize,
): void {
  const offsetA = windowOffset(element, run, rowBytes);
  const offsetB = windowOffset(element + min(1, rows - 1), run, rowBytes);
  const offsetC = windowOffset(element + min(2, rows - 1), run, rowBytes);
  const offsetD = windowOffset(element + min(3, rows - 1), run, rowBytes);
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let c0 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let d0 = f32x4.splat(0);
  let d1 = f32x4.splat(0);
  while (from < end) {
    const window = source + load<i32>(from);
    const g0 = v128.load(slope);
    const g1 = v128.load(slope, 16);
    let value = v128.load32_splat(window + offsetA);
    a0 = multiplyAdd(value, g0, a0);
    a1 = multiplyAdd(value, g1, a1);
    value = v128.load32_splat(window + offsetB);
    b0 = multiplyAdd(value, g0, b0);
    b1 = multiplyAdd(value, g1, b1);
    value = v128.load32_splat(window + offsetC);
    c0 = multiplyAdd(value, g0, c0);
    c1 = multiplyAdd(value, g1, c1);
    value = v128.load32_splat(window + offsetD);
    d0 = multiplyAdd(value, g0, d0);
    d1 = multiplyAdd(value, g1, d1);
    from += 4;
    slope += outBytes;
  }
  addRow(target, a0, a1);
  if (rows > 1) addRow(target + outBytes, b0, b1);
  if (rows > 2) addRow(target + 2 * outBytes, c0, c1);
  if (rows > 3) addRow(target + 3 * outBytes, d0, d1);
}

/** The same for fewer filters than a panel has, number by number. */
function addNarrow(
  from: usize,
  end: usize,
  source: usize,
  element: i32,
  rows: i32,
  run: i32,
  rowBytes: usize,
  slope: usize,
  lanes: i32,
  outBytes: usize,
  target: usize,
): void {
  for (let row = 0; row < rows; row++) {
    const origin = source + windowOffset(element + row, run, rowBytes);
    for (let lane = 0; lane < lanes; lane++) {
      let sum: f32 = 0;
      let at = slope + 4 * <usize>lane;
      for (let window = from; window < end; window += 4) {
        sum += load<f32>(origin + load<i32>(window)) * load<f32>(at);
        at += outBytes;
      }
      const to = target + <usize>row * outBytes + 4 * <usize>lane;
      store<f32>(to, load<f32>(to) + sum);
    }
  }
}

function addRow(target: usize, first: v128, last: v128): void {
  v128.store(target, f32x4.add(v128.load(target), first));
  v128.store(target, f32x4.add(v128.load(target, 16), last), 16);
}
