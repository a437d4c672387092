import { multiplyAdd } from '../../metrics/kernel/assembly/multiply-add';
import { activate } from './activation';

/** Windows that are multiplied at a time. */
const TILE: i32 = 4;

/** Filters that are multiplied at a time: two vectors of four. */
const PANEL: i32 = 8;

/** Bytes of packed windows: every panel of filters passes over them, so they stay in the second-level cache. */
const BLOCK_BYTES: i32 = 131072;

/** A tile at the edge of the output, and what is added to it. */
const EDGE_BYTES: usize = 4 * <usize>(TILE * PANEL);

/** Windows of `numbers` numbers that are packed at a time: a multiple of the tile. */
function blockWindows(numbers: i32): i32 {
  return max(TILE, (BLOCK_BYTES / (4 * numbers)) & ~(TILE - 1));
}

/** Bytes of scratch memory that `convolve` needs for windows of `numbers` numbers. */
export function convolutionScratchBytes(numbers: i32): usize {
  return 2 * EDGE_BYTES + 4 * <usize>(blockWindows(numbers) * numbers);
}

/**
 * A convolution of one map with bias, sum and activation: activation(windows · filters + bias + addend).
 *
 * Windows are packed four by four, [numbers of a window][4], so that the inner loop reads one pointer for the
 * windows and one for the filters: in workerd every load has its bounds checked, and costs more than a
 * multiply-add. Padding is made while packing. A fully connected layer is a convolution of a 1×1 map.
 *
 * source [height, width, channels], pixels `pixelBytes` apart; weights [panels][window][PANEL]; bias and slopes
 * (0: none) [panels · PANEL]; addend (0: none; may be the target) as target → target [outHeight, outWidth, filters]
 */
export function convolve(
  source: usize,
  pixelBytes: usize,
  height: i32,
  width: i32,
  channels: i32,
  weights: usize,
  bias: usize,
  slopes: usize,
  addend: usize,
  low: f32,
  high: f32,
  filters: i32,
  kernel: i32,
  stride: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  target: usize,
  scratch: usize,
): void {
  const numbers = kernel * kernel * channels;
  const windows = outHeight * outWidth;
  const block = blockWindows(numbers);
  const edgeAddend = scratch + EDGE_BYTES;
  const packed = edgeAddend + EDGE_BYTES;
  const tileBytes = 4 * <usize>(TILE * numbers);
  const panelBytes = 4 * <usize>(PANEL * numbers);
  const outBytes = 4 * <usize>filters;
  const isPointwise = kernel === 1 && stride === 1 && outHeight === height && outWidth === width;

  for (let first = 0; first < windows; first += block) {
    const end = min(windows, first + block);
    let to = packed;
    for (let window = first; window < end; window += TILE) {
      const last = windows - 1;
      if (isPointwise) {
        packRun(
          source + <usize>window * pixelBytes,
          source + <usize>min(window + 1, last) * pixelBytes,
          source + <usize>min(window + 2, last) * pixelBytes,
          source + <usize>min(window + 3, last) * pixelBytes,
          channels,
          to,
        );
      } else {
        packWindows(
          window,
          last,
          source,
          pixelBytes,
          height,
          width,
          channels,
          kernel,
          stride,
          top,
          left,
          outWidth,
          to,
        );
      }
      to += tileBytes;
    }
    for (let panel = 0; panel < filters; panel += PANEL) {
      const lanes = min(PANEL, filters - panel);
      const at = 4 * <usize>panel;
      const filter = weights + <usize>(panel / PANEL) * panelBytes;
      const slope = slopes === 0 ? 0 : slopes + at;
      let tile = packed;
      for (let window = first; window < end; window += TILE) {
        const rows = min(TILE, end - window);
        const offset = <usize>window * outBytes + at;
        if (rows === TILE && lanes === PANEL) {
          const sum = addend === 0 ? 0 : addend + offset;
          multiplyTile(tile, tileBytes, filter, bias + at, slope, sum, low, high, target + offset, outBytes);
        } else {
          if (addend !== 0) copyTile(addend + offset, outBytes, edgeAddend, 4 * PANEL, rows, lanes);
          const sum = addend === 0 ? 0 : edgeAddend;
          multiplyTile(tile, tileBytes, filter, bias + at, slope, sum, low, high, scratch, 4 * PANEL);
          copyTile(scratch, 4 * PANEL, target + offset, outBytes, rows, lanes);
        }
        tile += tileBytes;
      }
    }
  }
}

function copyTile(from: usize, fromBytes: usize, to: usize, toBytes: usize, rows: i32, lanes: i32): void {
  for (let row = 0; row < rows; row++) {
    for (let lane = 0; lane < lanes; lane++) {
      store<f32>(to + 4 * <usize>lane, load<f32>(from + 4 * <usize>lane));
    }
    from += fromBytes;
    to += toBytes;
  }
}

/** Packs four windows from `window` on, the last one again where there are no more. */
function packWindows(
  window: i32,
  last: i32,
  source: usize,
  pixelBytes: usize,
  height: i32,
  width: i32,
  channels: i32,
  kernel: i32,
  stride: i32,
  top: i32,
  left: i32,
  outWidth: i32,
  to: usize,
): void {
  const isDense = pixelBytes === 4 * <usize>channels;
  const run = kernel * channels;
  for (let row = 0; row < kernel; row++) {
    const y0 = (window / outWidth) * stride - top + row;
    const x0 = (window % outWidth) * stride - left;
    // Four windows side by side that lie within a row of the map are read as they are.
    if (
      isDense &&
      window + 3 <= last &&
      (window % outWidth) + 3 < outWidth &&
      y0 >= 0 &&
      y0 < height &&
      x0 >= 0 &&
      x0 + 3 * stride + kernel <= width
    ) {
      const p = source + <usize>(y0 * width + x0) * pixelBytes;
      const step = <usize>stride * pixelBytes;
      packRun(p, p + step, p + 2 * step, p + 3 * step, run, to);
    } else {
      for (let lane = 0; lane < TILE; lane++) {
        const own = min(window + lane, last);
        const y = (own / outWidth) * stride - top + row;
        const firstX = (own % outWidth) * stride - left;
        let at = to + 4 * <usize>lane;
        for (let column = 0; column < kernel; column++) {
          const x = firstX + column;
          const isInside = y >= 0 && y < height && x >= 0 && x < width;
          let from = isInside ? source + <usize>(y * width + x) * pixelBytes : 0;
          for (let c = 0; c < channels; c++) {
            store<f32>(at, isInside ? load<f32>(from) : 0);
            from += 4;
            at += 4 * TILE;
          }
        }
      }
    }
    to += 4 * <usize>(TILE * run);
  }
}

/** Interleaves `count` numbers at each of four addresses. */
function packRun(p0: usize, p1: usize, p2: usize, p3: usize, count: i32, to: usize): void {
  const whole = p0 + 4 * <usize>(count & ~3);
  const end = p0 + 4 * <usize>count;
  while (p0 < whole) {
    const a = v128.load(p0);
    const b = v128.load(p1);
    const c = v128.load(p2);
    const d = v128.load(p3);
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    v128.store(to, v128.shuffle<f64>(ab, cd, 0, 2));
    v128.store(to, v128.shuffle<f64>(ab, cd, 1, 3), 16);
    const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f64>(abHigh, cdHigh, 0, 2), 32);
    v128.store(to, v128.shuffle<f64>(abHigh, cdHigh, 1, 3), 48);
    p0 += 16;
    p1 += 16;
    p2 += 16;
    p3 += 16;
    to += 64;
  }
  while (p0 < end) {
    store<f32>(to, load<f32>(p0));
    store<f32>(to, load<f32>(p1), 4);
    store<f32>(to, load<f32>(p2), 8);
    store<f32>(to, load<f32>(p3), 12);
    p0 += 4;
    p1 += 4;
    p2 += 4;
    p3 += 4;
    to += 16;
  }
}

/** Four windows by one panel of filters. */
function multiplyTile(
  tile: usize,
  tileBytes: usize,
  weights: usize,
  bias: usize,
  slopes: usize,
  addend: usize,
  low: f32,
  high: f32,
  target: usize,
  outBytes: usize,
): void {
  let a0 = v128.load(bias);
  let a1 = v128.load(bias, 16);
  let b0 = a0;
  let b1 = a1;
  let c0 = a0;
  let c1 = a1;
  let d0 = a0;
  let d1 = a1;
  const end = tile + tileBytes;
  while (tile < end) {
    const values = v128.load(tile);
    const w0 = v128.load(weights);
    const w1 = v128.load(weights, 16);
    let value = v128.shuffle<f32>(values, values, 0, 0, 0, 0);
    a0 = multiplyAdd(value, w0, a0);
    a1 = multiplyAdd(value, w1, a1);
    value = v128.shuffle<f32>(values, values, 1, 1, 1, 1);
    b0 = multiplyAdd(value, w0, b0);
    b1 = multiplyAdd(value, w1, b1);
    value = v128.shuffle<f32>(values, values, 2, 2, 2, 2);
    c0 = multiplyAdd(value, w0, c0);
    c1 = multiplyAdd(value, w1, c1);
    value = v128.shuffle<f32>(values, values, 3, 3, 3, 3);
    d0 = multiplyAdd(value, w0, d0);
    d1 = multiplyAdd(value, w1, d1);
    tile += 16;
    weights += 32;
  }
  if (addend !== 0) {
    a0 = f32x4.add(a0, v128.load(addend));
    a1 = f32x4.add(a1, v128.load(addend, 16));
    addend += outBytes;
    b0 = f32x4.add(b0, v128.load(addend));
    b1 = f32x4.add(b1, v128.load(addend, 16));
    addend += outBytes;
    c0 = f32x4.add(c0, v128.load(addend));
    c1 = f32x4.add(c1, v128.load(addend, 16));
    addend += outBytes;
    d0 = f32x4.add(d0, v128.load(addend));
    d1 = f32x4.add(d1, v128.load(addend, 16));
  }
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  const next = slopes === 0 ? 0 : slopes + 16;
  v128.store(target, activate(a0, slopes, lows, highs));
  v128.store(target, activate(a1, next, lows, highs), 16);
  target += outBytes;
  v128.store(target, activate(b0, slopes, lows, highs));
  v128.store(target, activate(b1, next, lows, highs), 16);
  target += outBytes;
  v128.store(target, activate(c0, slopes, lows, highs));
  v128.store(target, activate(c1, next, lows, highs), 16);
  target += outBytes;
  v128.store(target, activate(d0, slopes, lows, highs));
  v128.store(target, activate(d1, next, lows, highs), 16);
}
