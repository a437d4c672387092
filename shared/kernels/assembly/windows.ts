/** Byte offsets of the windows of one convolution, and how much of it is worked on at a time. */

/** Bytes of maps that are laid out at a time: they stay in the second-level cache. */
const GROUP_BYTES: usize = 131072;

/** Images that are laid out together. At least a few windows, so that a tile is seldom cut short. */
export function groupSize(imageBytes: usize, imageWindows: i32, images: i32): i32 {
  const fitting = <i32>(GROUP_BYTES / imageBytes);
  const tiled = (32 + imageWindows - 1) / imageWindows;
  return min(images, max(max(fitting, tiled), 1));
}

/** Writes the offset of every window's first element, int32 [images, outHeight, outWidth]. */
export function locateWindows(
  offsets: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  strideY: i32,
  strideX: i32,
): void {
  let to = offsets;
  for (let n = 0; n < images; n++) {
    for (let y = 0; y < outHeight; y++) {
      const row = (n * height + y * strideY) * width;
      for (let x = 0; x < outWidth; x++) {
        store<i32>(to, 4 * (row + x * strideX) * channels);
        to += 4;
      }
    }
  }
}
