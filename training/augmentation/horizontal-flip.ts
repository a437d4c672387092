import type { ChannelImage } from '@softmargin/shared/images/picture.ts';

/** The picture in a mirror: left is right. */
export function horizontalFlip({ width, height, channels, data }: ChannelImage): ChannelImage {
  const flipped = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      const to = (y * width + width - 1 - x) * channels;
      for (let c = 0; c < channels; c++) flipped[to + c] = data[from + c];
    }
  }
  return { width, height, channels, data: flipped };
}
