/**
 * `a · b + c` in four lanes. The build with relaxed SIMD leaves it to the processor whether the product is
 * rounded before the sum; the plain one always rounds it. Either is one function of its three numbers
 * wherever it runs on one machine.
 */
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/**
 * The same in two lanes of float64, for products of numbers that were float32: those are exact, rounded or not, so
 * that both builds give the same bits.
 */
export function multiplyAddExact(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, c);
  return f64x2.add(f64x2.mul(a, b), c);
}
