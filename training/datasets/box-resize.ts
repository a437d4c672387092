import type { ChannelImage } from '@softmargin/shared/images/picture.ts';

/** Reduces a picture of one channel: each pixel is the mean of the area that it covers, to the nearest level. */
export function boxResize(image: ChannelImage, width: number, height: number): ChannelImage {
  const { data } = image;
  const columns = coverage(image.width, width);
  const rows = coverage(image.height, height);
  const resized = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (const [v, part] of rows[y]) {
        for (const [u, share] of columns[x]) sum += part * share * data[v * image.width + u];
      }
      resized[y * width + x] = Math.round(sum);
    }
  }
  return { width, height, channels: 1, data: resized };
}

/** Of each target position: the source positions that it covers, and the share that each has in it. */
function coverage(from: number, to: number): [position: number, share: number][][] {
  const scale = from / to;
  return Array.from({ length: to }, (_, target) => {
    const [start, end] = [target * scale, (target + 1) * scale];
    const covered: [number, number][] = [];
    for (let position = Math.floor(start); position < Math.min(from, Math.ceil(end)); position++) {
      covered.push([position, (Math.min(end, position + 1) - Math.max(start, position)) / scale]);
    }
    return covered;
  });
}
