/** What a map's numbers become before they are written: bounds, or a slope of each channel below zero. */

/**
 * @param slopes of four channels; 0 where the activation is a pair of bounds.
 * @param low and high: the bounds, infinite where there is none. What is not a number stays that.
 */
export function activate(value: v128, slopes: usize, low: v128, high: v128): v128 {
  if (slopes !== 0) {
    const bent = f32x4.mul(value, v128.load(slopes));
    return v128.bitselect(value, bent, f32x4.gt(value, f32x4.splat(0)));
  }
  return f32x4.pmin(f32x4.pmax(value, low), high);
}
