import { put, take } from './lanes';

/** The gradient of ReLU: `gradient` where the input is above zero, zero elsewhere. All are [count]. */
export function reluGradient(input: usize, gradient: usize, count: i32, target: usize): void {
  const whole = count & ~3;
  const zero = f32x4.splat(0);
  for (let i = 0; i < whole; i += 4) {
    const at = 4 * <usize>i;
    v128.store(target + at, v128.and(v128.load(gradient + at), f32x4.gt(v128.load(input + at), zero)));
  }
  for (let i = whole; i < count; i++) {
    const at = 4 * <usize>i;
    store<f32>(target + at, load<f32>(input + at) > 0 ? load<f32>(gradient + at) : 0);
  }
}

/**
 * The gradient of the input of PReLU with a slope for each channel: `gradient` where the input is above zero,
 * and times the slope elsewhere.
 *
 * input and gradient [rows, channels], slope [channels] → target [rows, channels]
 */
export function preluInputGradient(
  input: usize,
  slope: usize,
  gradient: usize,
  rows: i32,
  channels: i32,
  target: usize,
): void {
  const whole = channels & ~3;
  for (let row = 0; row < rows; row++) {
    const start = 4 * <usize>(row * channels);
    for (let c = 0; c < whole; c += 4) bend<v128>(input, slope, gradient, start, 4 * c, target);
    for (let c = whole; c < channels; c++) bend<f32>(input, slope, gradient, start, 4 * c, target);
  }
}

function bend<T>(
  input: usize,
  slope: usize,
  gradient: usize,
  start: usize,
  channel: usize,
  target: usize,
): void {
  const at = start + channel;
  const g = take<T>(gradient + at);
  const isPositive = f32x4.gt(take<T>(input + at), f32x4.splat(0));
  put<T>(target + at, v128.bitselect(g, f32x4.mul(g, take<T>(slope + channel)), isPositive));
}

/** Rows that are summed before they are added to the sum of all: sums of sums round less. */
const ROWS_PER_SUM: i32 = 64;

/**
 * The gradient of PReLU's slopes: the sum over rows of `gradient` times the input where that is not above zero.
 *
 * input and gradient [rows, channels] → target [channels]
 */
export function preluSlopeGradient(
  input: usize,
  gradient: usize,
  rows: i32,
  channels: i32,
  target: usize,
): void {
  const whole = channels & ~3;
  const rowBytes = 4 * <usize>channels;
  memory.fill(target, 0, rowBytes);
  for (let first = 0; first < rows; first += ROWS_PER_SUM) {
    const start = <usize>first * rowBytes;
    const end = <usize>min(rows, first + ROWS_PER_SUM) * rowBytes;
    for (let c = 0; c < whole; c += 4) addSlopes<v128>(input, gradient, start, end, rowBytes, 4 * c, target);
    for (let c = whole; c < channels; c++)
      addSlopes<f32>(input, gradient, start, end, rowBytes, 4 * c, target);
  }
}

function addSlopes<T>(
  input: usize,
  gradient: usize,
  start: usize,
  end: usize,
  rowBytes: usize,
  channel: usize,
  target: usize,
): void {
  let sum = f32x4.splat(0);
  for (let at = start + channel; at < end; at += rowBytes) {
    const value = take<T>(input + at);
    const product = f32x4.mul(take<T>(gradient + at), value);
    sum = f32x4.add(sum, v128.andnot(product, f32x4.gt(value, f32x4.splat(0))));
  }
  put<T>(target + channel, f32x4.add(take<T>(target + channel), sum));
}
