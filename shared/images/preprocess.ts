import type { Manifest } from '../bundle/manifest.ts';
import type { ChannelImage, Picture } from './picture.ts';
import { resizeBilinear } from './resize.ts';

/** What preprocessing needs to know of a bundle. */
export type PreprocessingRule = Pick<Manifest, 'input' | 'preprocessing'>;

/**
 * Turns a picture into a network's input: `height * width * channels` numbers, row-major with interleaved
 * channels (NHWC without the N). In order: channels (alpha is dropped, as Pillow's `convert` does), resize
 * to the input size, inversion where the rule asks for it, (value / 255 − mean) / deviation.
 *
 * Training and serving both call this, so a picture means the same to them.
 */
export function preprocess(picture: Picture, rule: PreprocessingRule): Float32Array {
  return normalise(fitToInput(picture, rule), rule.preprocessing);
}

/** `preprocess` but for its last step: 8-bit, as training augments it. */
export function fitToInput(picture: Picture, { input, preprocessing }: PreprocessingRule): ChannelImage {
  const channels = input.channels === 1 ? grayscale(picture) : withoutAlpha(picture);
  const resized = resizeBilinear(channels, input.width, input.height);
  const inverted = preprocessing.invert === 'bright-border' && borderMean(resized) > 127.5;
  return inverted ? invert(resized) : resized;
}

/** Mean and standard deviation of each channel, of values in [0, 1]. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/**
 * (value / 255 − mean) / deviation by channel: the last step of `preprocess`, for images that are ready.
 *
 * @param values takes the result, and is returned; a new array by default.
 */
export function normalise(
  image: Pick<ChannelImage, 'data' | 'channels'>,
  { mean, deviation }: ChannelStatistics,
  values: Float32Array = new Float32Array(image.data.length),
): Float32Array {
  const { data, channels } = image;
  // There are only 256 levels: each is normalised once.
  const levels = new Float32Array(256);
  for (let channel = 0; channel < channels; channel++) {
    for (let level = 0; level < 256; level++) {
      levels[level] = (level / 255 - mean[channel]) / deviation[channel];
    }
    for (let i = channel; i < data.length; i += channels) values[i] = levels[data[i]];
  }
  return values;
}

/** ITU-R 601 luma in Pillow's fixed point (`convert('L')`). */
function grayscale({ width, height, data }: Picture): ChannelImage {
  const luma = new Uint8Array(width * height);
  for (let i = 0; i < luma.length; i++) {
    luma[i] = (data[4 * i] * 19595 + data[4 * i + 1] * 38470 + data[4 * i + 2] * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: luma };
}

function withoutAlpha({ width, height, data }: Picture): ChannelImage {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    rgb[3 * i] = data[4 * i];
    rgb[3 * i + 1] = data[4 * i + 1];
    rgb[3 * i + 2] = data[4 * i + 2];
  }
  return { width, height, channels: 3, data: rgb };
}

/** Mean value of the outermost pixels: what a drawn character stands on. */
function borderMean({ width, height, channels, data }: ChannelImage): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    const step = y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1);
    for (let x = 0; x < width; x += step) {
      for (let c = 0; c < channels; c++) sum += data[(y * width + x) * channels + c];
      count += channels;
    }
  }
  return sum / count;
}

function invert(image: ChannelImage): ChannelImage {
  return { ...image, data: image.data.map((value) => 255 - value) };
}
