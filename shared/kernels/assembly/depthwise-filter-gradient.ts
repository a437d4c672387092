import { multiplyAdd } from '../../metrics/kernel/assembly/multiply-add';
import { put, take } from './lanes';
import { place } from './place';
import { groupSize, locateWindows } from './windows';

/** Bytes of maps and gradients that stay in the first-level cache while all taps pass over them. */
const BLOCK_BYTES: i32 = 16384;

/**
 * The gradient of a depthwise convolution's filter, one filter a channel: of each tap and channel, the sum
 * over all windows of the element times the gradient of the output. Maps are laid out as in `convolve`.
 *
 * maps [images, inHeight, inWidth, channels], gradient [images, outHeight, outWidth, channels]
 *   → target [filterHeight, filterWidth, channels]
 */
export function depthwiseFilterGradient(
  maps: usize,
  gradient: usize,
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
  const pixel: usize = 4 * <usize>channels;
  const imageBytes = pixel * <usize>(height * width);
  const group = groupSize(imageBytes, windows, images);
  const offsets = scratch;
  const laidOut = offsets + 4 * <usize>(group * windows);
  const isInPlace = height === inHeight && width === inWidth && top === 0 && left === 0;
  const whole = channels & ~3;
  const block = max(16, BLOCK_BYTES / (4 * channels * (1 + strideX * strideY)));

  memory.fill(target, 0, pixel * <usize>(filterHeight * filterWidth));
  locateWindows(offsets, group, height, width, channels, outHeight, outWidth, strideY, strideX);
  if (!isInPlace) memory.fill(laidOut, 0, <usize>group * imageBytes);
  for (let image = 0; image < images; image += group) {
    const count = min(group, images - image);
    let source = maps + pixel * <usize>(image * inHeight * inWidth);
    if (!isInPlace) {
      place(source, count, inHeight, inWidth, channels, laidOut, height, width, top, left, spreadY, spreadX);
      source = laidOut;
    }
    const out = gradient + pixel * <usize>(image * windows);
    const all = count * windows;
    for (let first = 0; first < all; first += block) {
      const from = offsets + 4 * <usize>first;
      const end = offsets + 4 * <usize>min(all, first + block);
      const slopes = out + pixel * <usize>first;
      for (let row = 0; row < filterHeight; row++) {
        let to = target + pixel * <usize>(row * filterWidth);
        let origin = source + pixel * <usize>(row * width);
        let taps = filterWidth;
        for (; taps >= 3; taps -= 3) {
          for (let c = 0; c < whole; c += 4) addTaps<v128>(from, end, origin, slopes, pixel, 4 * c, to);
          for (let c = whole; c < channels; c++) addTaps<f32>(from, end, origin, slopes, pixel, 4 * c, to);
          to += 3 * pixel;
          origin += 3 * pixel;
        }
        for (; taps > 0; taps--) {
          for (let c = 0; c < whole; c += 4) addTap<v128>(from, end, origin, slopes, pixel, 4 * c, to);
          for (let c = whole; c < channels; c++) addTap<f32>(from, end, origin, slopes, pixel, 4 * c, to);
          to += pixel;
          origin += pixel;
        }
      }
    }
  }
}

/** Adds what a block of windows gives to three taps side by side, in one or four channels. */
function addTaps<T>(
  from: usize,
  end: usize,
  origin: usize,
  slope: usize,
  pixel: usize,
  channel: usize,
  target: usize,
): void {
  origin += channel;
  slope += channel;
  target += channel;
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  while (from < end) {
    const window = origin + load<i32>(from);
    const g = take<T>(slope);
    a = multiplyAdd(take<T>(window), g, a);
    b = multiplyAdd(take<T>(window + pixel), g, b);
    c = multiplyAdd(take<T>(window + 2 * pixel), g, c);
    from += 4;
    slope += pixel;
  }
  put<T>(target, f32x4.add(take<T>(target), a));
  target += pixel;
  put<T>(target, f32x4.add(take<T>(target), b));
  target += pixel;
  put<T>(target, f32x4.add(take<T>(target), c));
}

/** The same for a single tap. */
function addTap<T>(
  from: usize,
  end: usize,
  origin: usize,
  slope: usize,
  pixel: usize,
  channel: usize,
  target: usize,
): void {
  origin += channel;
  slope += channel;
  let sum = f32x4.splat(0);
  while (from < end) {
    sum = multiplyAdd(take<T>(origin + load<i32>(from)), take<T>(slope), sum);
    from += 4;
    slope += pixel;
  }
  put<T>(target + channel, f32x4.add(take<T>(target + channel), sum));
}
