/**
 * Lays `count` maps out in larger ones: pixel (y, x) goes to (y · spreadY + top, x · spreadX + left); what
 * falls outside is dropped. Everything else of the target is left as it is.
 *
 * source [count, height, width, channels], target [count, targetHeight, targetWidth, channels]
 */
export function place(
  source: usize,
  count: i32,
  height: i32,
  width: i32,
  channels: i32,
  target: usize,
  targetHeight: i32,
  targetWidth: i32,
  top: i32,
  left: i32,
  spreadY: i32,
  spreadX: i32,
): void {
  const pixel = 4 * <usize>channels;
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      const toY = y * spreadY + top;
      if (toY < 0 || toY >= targetHeight) continue;
      const from = source + pixel * <usize>((n * height + y) * width);
      const to = target + pixel * <usize>((n * targetHeight + toY) * targetWidth);
      if (spreadX === 1) {
        const first = max(0, -left);
        const last = min(width, targetWidth - left);
        if (last > first) {
          memory.copy(
            to + pixel * <usize>(first + left),
            from + pixel * <usize>first,
            pixel * <usize>(last - first),
          );
        }
        continue;
      }
      for (let x = 0; x < width; x++) {
        const toX = x * spreadX + left;
        if (toX < 0 || toX >= targetWidth) continue;
        copyPixel(to + pixel * <usize>toX, from + pixel * <usize>x, pixel);
      }
    }
  }
}

/** As `memory.copy`, whose call costs more than so few bytes. */
function copyPixel(to: usize, from: usize, bytes: usize): void {
  const end = from + bytes;
  const whole = from + (bytes & ~15);
  for (; from < whole; from += 16) {
    v128.store(to, v128.load(from));
    to += 16;
  }
  for (; from < end; from += 4) {
    store<f32>(to, load<f32>(from));
    to += 4;
  }
}
