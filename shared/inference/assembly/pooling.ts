import { put, take } from '../../kernels/assembly/lanes';

/**
 * Maximum over windows, of which each has a part of the map; what is padded is never the maximum.
 *
 * source [height, width, channels] → target [outHeight, outWidth, channels]
 */
export function maxPool(
  source: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  stride: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  target: usize,
): void {
  pool<MAXIMUM>(source, height, width, channels, size, stride, top, left, outHeight, outWidth, target);
}

/** The mean of windows side by side. source [height, width, channels] → target [outHeight, outWidth, channels] */
export function averagePool(
  source: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  outHeight: i32,
  outWidth: i32,
  target: usize,
): void {
  pool<MEAN>(source, height, width, channels, size, size, 0, 0, outHeight, outWidth, target);
}

// Types that name what is done with a window.
type MAXIMUM = i32;
type MEAN = f32;

function pool<Kind>(
  source: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  stride: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  target: usize,
): void {
  const pixel = 4 * <usize>channels;
  const whole = channels & ~3;
  for (let outY = 0; outY < outHeight; outY++) {
    const y = outY * stride - top;
    const firstY = max(0, y);
    const rows = min(height, y + size) - firstY;
    for (let outX = 0; outX < outWidth; outX++) {
      const x = outX * stride - left;
      const firstX = max(0, x);
      const columns = min(width, x + size) - firstX;
      const corner = source + pixel * <usize>(firstY * width + firstX);
      const row = pixel * <usize>width;
      for (let c = 0; c < whole; c += 4) {
        put<v128>(target + 4 * c, reduce<Kind, v128>(corner + 4 * c, rows, columns, row, pixel));
      }
      for (let c = whole; c < channels; c++) {
        put<f32>(target + 4 * c, reduce<Kind, f32>(corner + 4 * c, rows, columns, row, pixel));
      }
      target += pixel;
    }
  }
}

function reduce<Kind, T>(from: usize, rows: i32, columns: i32, rowBytes: usize, pixel: usize): v128 {
  let result = isFloat<Kind>() ? f32x4.splat(0) : take<T>(from);
  for (let y = 0; y < rows; y++) {
    let at = from;
    for (let x = 0; x < columns; x++) {
      const value = take<T>(at);
      result = isFloat<Kind>() ? f32x4.add(result, value) : f32x4.pmax(result, value);
      at += pixel;
    }
    from += rowBytes;
  }
  return isFloat<Kind>() ? f32x4.div(result, f32x4.splat(<f32>(rows * columns))) : result;
}
