import { put, take } from './lanes';

/**
 * The gradient of max pooling: each window hands its gradient to the first of its largest elements. Four
 * channels are taken at a time; those that are left over one at a time.
 *
 * input [images, height, width, channels], gradient [images, outHeight, outWidth, channels]
 *   → target as the input
 */
export function maxPoolGradient(
  input: usize,
  gradient: usize,
  target: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  filterHeight: i32,
  filterWidth: i32,
  strideY: i32,
  strideX: i32,
  top: i32,
  left: i32,
): void {
  const pixel = 4 * <usize>channels;
  const image = pixel * <usize>(height * width);
  const whole = channels & ~3;
  // Windows side by side that cover the map write each element once.
  const covers =
    filterHeight === strideY &&
    filterWidth === strideX &&
    outHeight * strideY === height &&
    outWidth * strideX === width;
  if (!covers) memory.fill(target, 0, <usize>images * image);
  let slope = gradient;
  for (let n = 0; n < images; n++) {
    for (let outY = 0; outY < outHeight; outY++) {
      const y = outY * strideY - top;
      const firstY = max(0, y);
      const rows = min(height, y + filterHeight) - firstY;
      for (let outX = 0; outX < outWidth; outX++) {
        const x = outX * strideX - left;
        const firstX = max(0, x);
        const columns = min(width, x + filterWidth) - firstX;
        const corner = pixel * <usize>(firstY * width + firstX);
        for (let c = 0; c < whole; c += 4) {
          hand<v128>(input + corner, target + corner, slope, 4 * c, pixel, width, rows, columns, covers);
        }
        for (let c = whole; c < channels; c++) {
          hand<f32>(input + corner, target + corner, slope, 4 * c, pixel, width, rows, columns, covers);
        }
        slope += pixel;
      }
    }
    input += image;
    target += image;
  }
}

/**
 * Adds a window's gradient where its largest element is: T = v128 in four channels, T = f32 in one.
 *
 * @param isOnly whether no other window meets these elements: they are written, not added to.
 */
function hand<T>(
  input: usize,
  target: usize,
  slope: usize,
  channel: usize,
  pixel: usize,
  width: i32,
  rows: i32,
  columns: i32,
  isOnly: bool,
): void {
  input += channel;
  target += channel;
  let largest = take<T>(input);
  let place = i32x4.splat(0);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const offset = y * width + x;
      const value = take<T>(input + pixel * <usize>offset);
      const isLarger = f32x4.gt(value, largest);
      largest = v128.bitselect(value, largest, isLarger);
      place = v128.bitselect(i32x4.splat(offset), place, isLarger);
    }
  }
  const gradient = take<T>(slope + channel);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const offset = y * width + x;
      const at = target + pixel * <usize>offset;
      const share = v128.and(gradient, i32x4.eq(place, i32x4.splat(offset)));
      put<T>(at, isOnly ? share : f32x4.add(take<T>(at), share));
    }
  }
}
