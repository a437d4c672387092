import { put, take } from '../../kernels/assembly/lanes';
import { multiplyAdd } from '../../metrics/kernel/assembly/multiply-add';

/** Rows that are summed before they are added to the sum of all: sums of sums round less. */
const ROWS_PER_SUM: i32 = 64;

/** The mean of each channel. source [rows, channels] → target [channels] */
export function meanRows(source: usize, rows: i32, channels: i32, target: usize): void {
  const whole = channels & ~3;
  for (let c = 0; c < whole; c += 4) put<v128>(target + 4 * c, mean<v128>(source + 4 * c, rows, channels));
  for (let c = whole; c < channels; c++) put<f32>(target + 4 * c, mean<f32>(source + 4 * c, rows, channels));
}

function mean<T>(source: usize, rows: i32, channels: i32): v128 {
  const step = 4 * <usize>channels;
  let total = f32x4.splat(0);
  for (let first = 0; first < rows; first += ROWS_PER_SUM) {
    const end = source + step * <usize>min(ROWS_PER_SUM, rows - first);
    let even = f32x4.splat(0);
    while (source < end) {
      even = f32x4.add(even, take<T>(source));
      source += step;
    }
    total = f32x4.add(total, even);
  }
  return f32x4.div(total, f32x4.splat(<f32>rows));
}

/**
 * activation(source · factor + shift), channel by channel; with a slope below zero where `slopes` is not 0.
 *
 * source [rows, channels]; factor (0: one), shift (0: none), slopes [channels] → target [rows, channels]
 */
export function scaleChannels(
  source: usize,
  factor: usize,
  shift: usize,
  slopes: usize,
  low: f32,
  high: f32,
  rows: i32,
  channels: i32,
  target: usize,
): void {
  const whole = channels & ~3;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < whole; c += 4) scale<v128>(4 * c, source, factor, shift, slopes, low, high, target);
    for (let c = whole; c < channels; c++)
      scale<f32>(4 * c, source, factor, shift, slopes, low, high, target);
    source += 4 * <usize>channels;
    target += 4 * <usize>channels;
  }
}

function scale<T>(
  channel: usize,
  source: usize,
  factor: usize,
  shift: usize,
  slopes: usize,
  low: f32,
  high: f32,
  target: usize,
): void {
  let value = take<T>(source + channel);
  if (factor !== 0) value = f32x4.mul(value, take<T>(factor + channel));
  if (shift !== 0) value = f32x4.add(value, take<T>(shift + channel));
  if (slopes !== 0) {
    const bent = f32x4.mul(value, take<T>(slopes + channel));
    value = v128.bitselect(value, bent, f32x4.gt(value, f32x4.splat(0)));
  }
  put<T>(target + channel, f32x4.pmin(f32x4.pmax(value, f32x4.splat(low)), f32x4.splat(high)));
}

/** source · factor + addend. source and addend [rows, channels], factor [channels] → target, may be addend */
export function addScaled(
  source: usize,
  factor: usize,
  addend: usize,
  rows: i32,
  channels: i32,
  target: usize,
): void {
  const whole = channels & ~3;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < whole; c += 4) {
      const at = 4 * <usize>c;
      v128.store(
        target + at,
        multiplyAdd(v128.load(source + at), v128.load(factor + at), v128.load(addend + at)),
      );
    }
    for (let c = whole; c < channels; c++) {
      const at = 4 * <usize>c;
      put<f32>(
        target + at,
        multiplyAdd(take<f32>(source + at), take<f32>(factor + at), take<f32>(addend + at)),
      );
    }
    source += 4 * <usize>channels;
    addend += 4 * <usize>channels;
    target += 4 * <usize>channels;
  }
}

/** The sum within bounds. a and b [count] → target [count] */
export function addMaps(a: usize, b: usize, low: f32, high: f32, count: i32, target: usize): void {
  const whole = count & ~3;
  for (let i = 0; i < whole; i += 4) sum<v128>(4 * i, a, b, low, high, target);
  for (let i = whole; i < count; i++) sum<f32>(4 * i, a, b, low, high, target);
}

function sum<T>(at: usize, a: usize, b: usize, low: f32, high: f32, target: usize): void {
  const value = f32x4.add(take<T>(a + at), take<T>(b + at));
  put<T>(target + at, f32x4.pmin(f32x4.pmax(value, f32x4.splat(low)), f32x4.splat(high)));
}

/** The products. a and b [count] → target [count], may be either */
export function multiplyMaps(a: usize, b: usize, count: i32, target: usize): void {
  const whole = count & ~3;
  for (let i = 0; i < whole; i += 4) product<v128>(4 * i, a, b, target);
  for (let i = whole; i < count; i++) product<f32>(4 * i, a, b, target);
}

function product<T>(at: usize, a: usize, b: usize, target: usize): void {
  put<T>(target + at, f32x4.mul(take<T>(a + at), take<T>(b + at)));
}

/**
 * Each channel by its own mean and variance: (x − mean) · weight / √(variance + ε) + bias, within bounds.
 *
 * source [rows, channels] → target [rows, channels]
 */
export function instanceNormalise(
  source: usize,
  rows: i32,
  channels: i32,
  weight: usize,
  bias: usize,
  epsilon: f32,
  low: f32,
  high: f32,
  target: usize,
): void {
  const whole = channels & ~3;
  for (let c = 0; c < whole; c += 4) {
    normalise<v128>(
      source + 4 * c,
      rows,
      channels,
      weight + 4 * c,
      bias + 4 * c,
      epsilon,
      low,
      high,
      target + 4 * c,
    );
  }
  for (let c = whole; c < channels; c++) {
    normalise<f32>(
      source + 4 * c,
      rows,
      channels,
      weight + 4 * c,
      bias + 4 * c,
      epsilon,
      low,
      high,
      target + 4 * c,
    );
  }
}

function normalise<T>(
  source: usize,
  rows: i32,
  channels: i32,
  weight: usize,
  bias: usize,
  epsilon: f32,
  low: f32,
  high: f32,
  target: usize,
): void {
  const step = 4 * <usize>channels;
  const end = source + step * <usize>rows;
  const centre = mean<T>(source, rows, channels);
  let squares = f32x4.splat(0);
  for (let at = source; at < end; at += step) {
    const deviation = f32x4.sub(take<T>(at), centre);
    squares = multiplyAdd(deviation, deviation, squares);
  }
  const variance = f32x4.div(squares, f32x4.splat(<f32>rows));
  const factor = f32x4.div(take<T>(weight), f32x4.sqrt(f32x4.add(variance, f32x4.splat(epsilon))));
  const shift = take<T>(bias);
  for (let at = source; at < end; at += step) {
    const value = multiplyAdd(f32x4.sub(take<T>(at), centre), factor, shift);
    put<T>(target, f32x4.pmin(f32x4.pmax(value, f32x4.splat(low)), f32x4.splat(high)));
    target += step;
  }
}

/** Copies the first `count` of the channels at the source. Rows are `sourceBytes` and `targetBytes` apart. */
export function copyChannels(
  source: usize,
  sourceBytes: usize,
  rows: i32,
  count: i32,
  target: usize,
  targetBytes: usize,
): void {
  for (let row = 0; row < rows; row++) {
    memory.copy(target, source, 4 * <usize>count);
    source += sourceBytes;
    target += targetBytes;
  }
}
