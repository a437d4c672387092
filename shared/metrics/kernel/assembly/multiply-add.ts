/**
 * `a · b + c` in four lanes. The build with relaxed SIMD leaves it to the processor whether the product is
 * rounded before the sum; the plain one always rounds it. Either is one function of its three numbers
 * wherever it runs on one machine.
 */
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}
