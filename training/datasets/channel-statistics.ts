import type { ChannelStatistics } from '@softmargin/shared/images/preprocess.ts';
import type { ImageDataset } from './dataset.ts';

/** Mean and standard deviation of each channel over a training set. */
export function channelStatistics({ pixels, channels }: ImageDataset): ChannelStatistics {
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let i = 0; i < pixels.length; i++) {
    sums[i % channels] += pixels[i] / 255;
    squares[i % channels] += (pixels[i] / 255) ** 2;
  }
  const count = pixels.length / channels;
  const mean = Array.from(sums, (sum) => sum / count);
  const deviation = Array.from(squares, (square, c) => Math.sqrt(square / count - mean[c] ** 2));
  // Four digits are plenty, and a manifest with them can be read.
  const rounded = (values: number[]) => values.map((value) => Number(value.toFixed(4)));
  return { mean: rounded(mean), deviation: rounded(deviation) };
}
