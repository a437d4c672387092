import { put, take } from './lanes';

/**
 * One step of Adam (Kingma and Ba, ICLR 2015) over `count` numbers, all read and written once.
 *
 *   m' = β₁ m + (1 − β₁) g,  v' = β₂ v + (1 − β₂) g²,  x' = x − step · m' / (√v' / correction + ε)
 *
 * @param share1 1 − β₁, as double precision rounds it; share2 likewise.
 * @param step the learning rate over 1 − β₁ᵗ.
 * @param correction √(1 − β₂ᵗ).
 */
export function adam(
  value: usize,
  gradient: usize,
  first: usize,
  second: usize,
  count: i32,
  beta1: f32,
  share1: f32,
  beta2: f32,
  share2: f32,
  epsilon: f32,
  step: f32,
  correction: f32,
  newValue: usize,
  newFirst: usize,
  newSecond: usize,
): void {
  const end: usize = 4 * <usize>count;
  const whole: usize = end & ~15;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    move<v128>(
      value,
      gradient,
      first,
      second,
      at,
      beta1,
      share1,
      beta2,
      share2,
      epsilon,
      step,
      correction,
      newValue,
      newFirst,
      newSecond,
    );
  }
  for (; at < end; at += 4) {
    move<f32>(
      value,
      gradient,
      first,
      second,
      at,
      beta1,
      share1,
      beta2,
      share2,
      epsilon,
      step,
      correction,
      newValue,
      newFirst,
      newSecond,
    );
  }
}

function move<T>(
  value: usize,
  gradient: usize,
  first: usize,
  second: usize,
  at: usize,
  beta1: f32,
  share1: f32,
  beta2: f32,
  share2: f32,
  epsilon: f32,
  step: f32,
  correction: f32,
  newValue: usize,
  newFirst: usize,
  newSecond: usize,
): void {
  const g = take<T>(gradient + at);
  const kept1 = f32x4.mul(take<T>(first + at), f32x4.splat(beta1));
  const m = f32x4.add(kept1, f32x4.mul(g, f32x4.splat(share1)));
  const kept2 = f32x4.mul(take<T>(second + at), f32x4.splat(beta2));
  const v = f32x4.add(kept2, f32x4.mul(f32x4.mul(g, g), f32x4.splat(share2)));
  const deviation = f32x4.add(f32x4.div(f32x4.sqrt(v), f32x4.splat(correction)), f32x4.splat(epsilon));
  put<T>(newFirst + at, m);
  put<T>(newSecond + at, v);
  put<T>(
    newValue + at,
    f32x4.sub(take<T>(value + at), f32x4.mul(f32x4.div(m, deviation), f32x4.splat(step))),
  );
}
