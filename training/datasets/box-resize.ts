import type { ChannelImage } from '@softmargin/shared/images/picture.ts';

/**
 * Reduces a picture of one channel: each pixel is the mean of the area that it covers, to the nearest level.
 */
export function boxResize(image: ChannelImage, width: number, height: number): ChannelImage {
  const columns = coverage(image.width, width);
  const rows = coverage(image.height, height);
  const resized = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let v = rows.first[y]; v < rows.end[y]; v++) {
        let line = 0;
        for (let u = columns.first[x]; u < columns.end[x]; u++) {
          line += columns.share(x, u) * image.data[v * image.width + u];
        }
        sum += rows.share(y, v) * line;
      }
      resized[y * width + x] = Math.round(sum);
    }
  }
  return { width, height, channels: 1, data: resized };
}

/** Which source positions a target position covers, and the share that each has in it. */
function coverage(from: number, to: number) {
  const scale = from / to;
  return {
    first: Int32Array.from({ length: to }, (_, target) => Math.floor(target * scale)),
    end: Int32Array.from({ length: to }, (_, target) => Math.min(from, Math.ceil((target + 1) * scale))),
    share: (target: number, source: number) =>
      (Math.min((target + 1) * scale, source + 1) - Math.max(target * scale, source)) / scale,
  };
}
