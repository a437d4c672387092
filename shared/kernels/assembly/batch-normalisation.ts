import { multiplyAdd } from '../../metrics/kernel/assembly/multiply-add';
import { put, take } from './lanes';

/** Bytes of rows that stay in the first-level cache between two passes. */
const BLOCK_BYTES: i32 = 16384;

function blockRows(channels: i32): i32 {
  return max(8, BLOCK_BYTES / (4 * channels));
}

/**
 * Normalises rows by their own statistics.
 *
 * Mean and squared deviations are those of blocks of rows, joined block by block (Chan, Golub and LeVeque,
 * 1983): memory is read once for them, and nothing cancels.
 *
 * input [rows, channels] → output [rows, channels], mean and biased variance [channels], and
 * inverse [channels], 1 / √(variance + ε)
 */
export function normalise(
  input: usize,
  rows: i32,
  channels: i32,
  weight: usize,
  bias: usize,
  epsilon: f32,
  output: usize,
  mean: usize,
  variance: usize,
  inverse: usize,
): void {
  const whole = channels & ~3;
  const rowBytes = 4 * <usize>channels;
  memory.fill(mean, 0, rowBytes);
  memory.fill(variance, 0, rowBytes);
  const block = blockRows(channels);
  for (let first = 0; first < rows; first += block) {
    const count = min(block, rows - first);
    const from = input + <usize>first * rowBytes;
    for (let c = 0; c < whole; c += 4) join<v128>(from, first, count, rowBytes, 4 * c, mean, variance);
    for (let c = whole; c < channels; c++) join<f32>(from, first, count, rowBytes, 4 * c, mean, variance);
  }
  for (let c = 0; c < channels; c++) {
    const at = 4 * <usize>c;
    const biased = load<f32>(variance + at) / <f32>rows;
    store<f32>(variance + at, biased);
    store<f32>(inverse + at, 1 / Mathf.sqrt(biased + epsilon));
  }
  for (let first = 0; first < rows; first += block) {
    const count = min(block, rows - first);
    const offset = <usize>first * rowBytes;
    for (let c = 0; c < whole; c += 4) {
      scale<v128>(input + offset, output + offset, count, rowBytes, 4 * c, weight, bias, mean, inverse);
    }
    for (let c = whole; c < channels; c++) {
      scale<f32>(input + offset, output + offset, count, rowBytes, 4 * c, weight, bias, mean, inverse);
    }
  }
}

/** Joins the statistics of a block of rows to those of the `before` rows before it. */
function join<T>(
  from: usize,
  before: i32,
  count: i32,
  rowBytes: usize,
  channel: usize,
  mean: usize,
  squares: usize,
): void {
  const start = from + channel;
  const end = start + <usize>count * rowBytes;
  let sum = f32x4.splat(0);
  for (let row = start; row < end; row += rowBytes) sum = f32x4.add(sum, take<T>(row));
  const own = f32x4.mul(sum, f32x4.splat(1 / <f32>count));
  let deviations = f32x4.splat(0);
  for (let row = start; row < end; row += rowBytes) {
    const deviation = f32x4.sub(take<T>(row), own);
    deviations = multiplyAdd(deviation, deviation, deviations);
  }
  const share = <f32>count / <f32>(before + count);
  const known = take<T>(mean + channel);
  const step = f32x4.sub(own, known);
  const moved = f32x4.mul(step, f32x4.splat(share));
  put<T>(mean + channel, f32x4.add(known, moved));
  const between = f32x4.mul(f32x4.mul(step, moved), f32x4.splat(<f32>before));
  const total = f32x4.add(take<T>(squares + channel), f32x4.add(deviations, between));
  put<T>(squares + channel, total);
}

function scale<T>(
  input: usize,
  output: usize,
  count: i32,
  rowBytes: usize,
  channel: usize,
  weight: usize,
  bias: usize,
  mean: usize,
  inverse: usize,
): void {
  const centre = take<T>(mean + channel);
  const factor = f32x4.mul(take<T>(weight + channel), take<T>(inverse + channel));
  const shift = take<T>(bias + channel);
  let from = input + channel;
  let to = output + channel;
  const end = from + <usize>count * rowBytes;
  while (from < end) {
    put<T>(to, multiplyAdd(f32x4.sub(take<T>(from), centre), factor, shift));
    from += rowBytes;
    to += rowBytes;
  }
}

/**
 * The gradients of `normalise`:
 *
 *   ∂L/∂β = Σ g,  ∂L/∂γ = Σ g x̂,  ∂L/∂x = γ / √(σ² + ε) · (g − mean(g) − x̂ · mean(g x̂))
 *
 * input and gradient [rows, channels] → inputGradient [rows, channels], weightGradient and
 * biasGradient [channels]
 */
export function normaliseGradient(
  input: usize,
  gradient: usize,
  rows: i32,
  channels: i32,
  weight: usize,
  mean: usize,
  inverse: usize,
  inputGradient: usize,
  weightGradient: usize,
  biasGradient: usize,
): void {
  const whole = channels & ~3;
  const rowBytes = 4 * <usize>channels;
  memory.fill(weightGradient, 0, rowBytes);
  memory.fill(biasGradient, 0, rowBytes);
  const block = blockRows(2 * channels);
  for (let first = 0; first < rows; first += block) {
    const count = min(block, rows - first);
    const x = input + <usize>first * rowBytes;
    const g = gradient + <usize>first * rowBytes;
    for (let c = 0; c < whole; c += 4) {
      addSlopes<v128>(x, g, count, rowBytes, 4 * c, mean, inverse, weightGradient, biasGradient);
    }
    for (let c = whole; c < channels; c++) {
      addSlopes<f32>(x, g, count, rowBytes, 4 * c, mean, inverse, weightGradient, biasGradient);
    }
  }
  const share: f32 = <f32>1 / <f32>rows;
  for (let first = 0; first < rows; first += block) {
    const count = min(block, rows - first);
    const offset = <usize>first * rowBytes;
    const x = input + offset;
    const g = gradient + offset;
    const to = inputGradient + offset;
    for (let c = 0; c < whole; c += 4) {
      spread<v128>(
        x,
        g,
        to,
        count,
        rowBytes,
        4 * c,
        share,
        weight,
        mean,
        inverse,
        weightGradient,
        biasGradient,
      );
    }
    for (let c = whole; c < channels; c++) {
      spread<f32>(
        x,
        g,
        to,
        count,
        rowBytes,
        4 * c,
        share,
        weight,
        mean,
        inverse,
        weightGradient,
        biasGradient,
      );
    }
  }
}

function addSlopes<T>(
  x: usize,
  g: usize,
  count: i32,
  rowBytes: usize,
  channel: usize,
  mean: usize,
  inverse: usize,
  weightGradient: usize,
  biasGradient: usize,
): void {
  const centre = take<T>(mean + channel);
  let products = f32x4.splat(0);
  let sum = f32x4.splat(0);
  x += channel;
  g += channel;
  const end = x + <usize>count * rowBytes;
  while (x < end) {
    const slope = take<T>(g);
    sum = f32x4.add(sum, slope);
    products = multiplyAdd(slope, f32x4.sub(take<T>(x), centre), products);
    x += rowBytes;
    g += rowBytes;
  }
  put<T>(biasGradient + channel, f32x4.add(take<T>(biasGradient + channel), sum));
  const total = multiplyAdd(products, take<T>(inverse + channel), take<T>(weightGradient + channel));
  put<T>(weightGradient + channel, total);
}

function spread<T>(
  x: usize,
  g: usize,
  to: usize,
  count: i32,
  rowBytes: usize,
  channel: usize,
  share: f32,
  weight: usize,
  mean: usize,
  inverse: usize,
  weightGradient: usize,
  biasGradient: usize,
): void {
  const shares = f32x4.splat(share);
  const centre = take<T>(mean + channel);
  const deviation = take<T>(inverse + channel);
  const factor = f32x4.mul(take<T>(weight + channel), deviation);
  const average = f32x4.mul(take<T>(biasGradient + channel), shares);
  const tilt = f32x4.mul(f32x4.mul(take<T>(weightGradient + channel), shares), deviation);
  x += channel;
  g += channel;
  to += channel;
  const end = x + <usize>count * rowBytes;
  while (x < end) {
    const centred = f32x4.sub(take<T>(x), centre);
    const inner = f32x4.sub(f32x4.sub(take<T>(g), average), f32x4.mul(centred, tilt));
    put<T>(to, f32x4.mul(inner, factor));
    x += rowBytes;
    g += rowBytes;
    to += rowBytes;
  }
}
