import { put, take } from '../../kernels/assembly/lanes';
import { multiplyAdd } from '../../metrics/kernel/assembly/multiply-add';

/**
 * A convolution of each channel of a map with its own filter of 3×3, with bias and bounds. The middle of every
 * window is within the map: `top` and `left` are 0 or 1. With a stride of 1, `left` is 1 and outWidth is width.
 *
 * source [height, width, channels], pixels `pixelBytes` apart; weights [3, 3, channels], bias [channels]
 *   → target [outHeight, outWidth, channels]
 */
export function depthwise3x3(
  source: usize,
  pixelBytes: usize,
  height: i32,
  width: i32,
  channels: i32,
  weights: usize,
  bias: usize,
  low: f32,
  high: f32,
  stride: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  target: usize,
): void {
  const whole = channels & ~3;
  const rowBytes = <usize>width * pixelBytes;
  const outRowBytes = 4 * <usize>(outWidth * channels);
  for (let y = 0; y < outHeight; y++) {
    const middle = y * stride + 1 - top;
    // A row outside of the map is one within it times zero.
    const hasAbove = middle > 0;
    const hasBelow = middle + 1 < height;
    const row = source + <usize>middle * rowBytes;
    const above = hasAbove ? row - rowBytes : row;
    const below = hasBelow ? row + rowBytes : row;
    const out = target + <usize>y * outRowBytes;
    for (let c = 0; c < whole; c += 4) {
      slide<v128>(
        4 * c,
        above,
        row,
        below,
        hasAbove,
        hasBelow,
        pixelBytes,
        width,
        channels,
        weights,
        bias,
        low,
        high,
        stride,
        left,
        outWidth,
        out,
      );
    }
    for (let c = whole; c < channels; c++) {
      slide<f32>(
        4 * c,
        above,
        row,
        below,
        hasAbove,
        hasBelow,
        pixelBytes,
        width,
        channels,
        weights,
        bias,
        low,
        high,
        stride,
        left,
        outWidth,
        out,
      );
    }
  }
}

function slide<T>(
  channel: usize,
  above: usize,
  row: usize,
  below: usize,
  hasAbove: bool,
  hasBelow: bool,
  pixelBytes: usize,
  width: i32,
  channels: i32,
  weights: usize,
  bias: usize,
  low: f32,
  high: f32,
  stride: i32,
  left: i32,
  outWidth: i32,
  target: usize,
): void {
  above += channel;
  row += channel;
  below += channel;
  weights += channel;
  const step = 4 * <usize>channels;
  const zero = f32x4.splat(0);
  let w00 = zero;
  let w01 = zero;
  let w02 = zero;
  if (hasAbove) {
    w00 = take<T>(weights);
    w01 = take<T>(weights + step);
    w02 = take<T>(weights + 2 * step);
  }
  weights += 3 * step;
  const w10 = take<T>(weights);
  const w11 = take<T>(weights + step);
  const w12 = take<T>(weights + 2 * step);
  weights += 3 * step;
  let w20 = zero;
  let w21 = zero;
  let w22 = zero;
  if (hasBelow) {
    w20 = take<T>(weights);
    w21 = take<T>(weights + step);
    w22 = take<T>(weights + 2 * step);
  }
  const shift = take<T>(bias + channel);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  const end = target + <usize>outWidth * step + channel;
  target += channel;

  // `current` has what the columns so far give to the output whose middle column comes next.
  let current = shift;
  if (stride === 1) {
    // Every column is read once and gives to three outputs. What it gives is summed apart, so that the sums of
    // neighbouring columns need not wait for one another.
    let a = take<T>(above);
    let b = take<T>(row);
    let c = take<T>(below);
    let waiting = f32x4.add(current, multiplyAdd(c, w21, multiplyAdd(b, w11, f32x4.mul(a, w01))));
    current = f32x4.add(shift, multiplyAdd(c, w20, multiplyAdd(b, w10, f32x4.mul(a, w00))));
    const lastTarget = end - step;
    while (target < lastTarget) {
      above += pixelBytes;
      row += pixelBytes;
      below += pixelBytes;
      a = take<T>(above);
      b = take<T>(row);
      c = take<T>(below);
      const done = f32x4.add(waiting, multiplyAdd(c, w22, multiplyAdd(b, w12, f32x4.mul(a, w02))));
      waiting = f32x4.add(current, multiplyAdd(c, w21, multiplyAdd(b, w11, f32x4.mul(a, w01))));
      current = f32x4.add(shift, multiplyAdd(c, w20, multiplyAdd(b, w10, f32x4.mul(a, w00))));
      put<T>(target, f32x4.pmin(f32x4.pmax(done, lows), highs));
      target += step;
    }
    put<T>(target, f32x4.pmin(f32x4.pmax(waiting, lows), highs));
    return;
  }
  let column = 1 - left;
  above += <usize>column * pixelBytes;
  row += <usize>column * pixelBytes;
  below += <usize>column * pixelBytes;
  const stepBytes = <usize>stride * pixelBytes;
  while (target < end) {
    let sum = shift;
    if (column > 0) {
      const a = take<T>(above - pixelBytes);
      const b = take<T>(row - pixelBytes);
      const c = take<T>(below - pixelBytes);
      sum = f32x4.add(sum, multiplyAdd(c, w20, multiplyAdd(b, w10, f32x4.mul(a, w00))));
    }
    sum = f32x4.add(
      sum,
      multiplyAdd(take<T>(below), w21, multiplyAdd(take<T>(row), w11, f32x4.mul(take<T>(above), w01))),
    );
    if (column + 1 < width) {
      const a = take<T>(above + pixelBytes);
      const b = take<T>(row + pixelBytes);
      const c = take<T>(below + pixelBytes);
      sum = f32x4.add(sum, multiplyAdd(c, w22, multiplyAdd(b, w12, f32x4.mul(a, w02))));
    }
    put<T>(target, f32x4.pmin(f32x4.pmax(sum, lows), highs));
    above += stepBytes;
    row += stepBytes;
    below += stepBytes;
    column += stride;
    target += step;
  }
}

/**
 * A convolution of each channel of a map with its own filter, of any size and any padding, with bias and bounds.
 *
 * source [height, width, channels]; weights [kernel, kernel, channels], bias [channels]
 *   → target [outHeight, outWidth, channels]
 */
export function depthwise(
  source: usize,
  height: i32,
  width: i32,
  channels: i32,
  weights: usize,
  bias: usize,
  low: f32,
  high: f32,
  kernel: i32,
  stride: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  target: usize,
): void {
  const whole = channels & ~3;
  const pixel = 4 * <usize>channels;
  for (let outY = 0; outY < outHeight; outY++) {
    const y = outY * stride - top;
    const firstRow = min(kernel, max(0, -y));
    const rows = min(kernel, height - y) - firstRow;
    for (let outX = 0; outX < outWidth; outX++) {
      const x = outX * stride - left;
      const firstColumn = min(kernel, max(0, -x));
      const columns = min(kernel, width - x) - firstColumn;
      // Where a window has nothing of the map, there are no rows or no columns, and nothing is read.
      const from = source + pixel * <usize>((y + firstRow) * width + x + firstColumn);
      const filter = weights + pixel * <usize>(firstRow * kernel + firstColumn);
      for (let c = 0; c < whole; c += 4) {
        const at = 4 * <usize>c;
        const sum = weigh<v128>(from + at, filter + at, bias + at, rows, columns, width, kernel, pixel);
        v128.store(target + at, f32x4.pmin(f32x4.pmax(sum, f32x4.splat(low)), f32x4.splat(high)));
      }
      for (let c = whole; c < channels; c++) {
        const at = 4 * <usize>c;
        const sum = weigh<f32>(from + at, filter + at, bias + at, rows, columns, width, kernel, pixel);
        put<f32>(target + at, f32x4.pmin(f32x4.pmax(sum, f32x4.splat(low)), f32x4.splat(high)));
      }
      target += pixel;
    }
  }
}

function weigh<T>(
  from: usize,
  filter: usize,
  bias: usize,
  rows: i32,
  columns: i32,
  width: i32,
  kernel: i32,
  pixel: usize,
): v128 {
  let sum = take<T>(bias);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = pixel * <usize>(row * width + column);
      const weight = pixel * <usize>(row * kernel + column);
      sum = multiplyAdd(take<T>(from + at), take<T>(filter + weight), sum);
    }
  }
  return sum;
}
