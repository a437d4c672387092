// Channels are taken four at a time, as T = v128; those that are left over one at a time, as T = f32 in the
// first lane of a vector.

export function take<T>(address: usize): v128 {
  return sizeof<T>() === 16 ? v128.load(address) : v128.load32_zero(address);
}

export function put<T>(address: usize, value: v128): void {
  if (sizeof<T>() === 16) v128.store(address, value);
  else v128.store32_lane(address, value, 0);
}
