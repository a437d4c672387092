import type { Manifest } from '../bundle/manifest.ts';
import type { ChannelImage, Picture } from './picture.ts';
import { resizeBilinear } from './resize.ts';

/** What preprocessing needs to know of a bundle. */
export type PreprocessingRule = Pick<Manifest, 'input' | 'preprocessing'>;

/**
 * Turns a picture into a network's input: `height * width * channels` numbers, row-major with interleaved
 * channels (NHWC without the N). In order: alpha, channels, resize, crop, inversion where the rule asks for
 * it, (value / 255 − mean) / deviation.
 *
 * Alpha is dropped, as Pillow's `convert` does, unless the rule has a background to lay the picture on.
 * Without `shorterSide` the picture is stretched to the input size; with it, its shorter side gets that
 * length and the centre is cut out, as torchvision's `Resize(n)` and `CenterCrop` do.
 *
 * Training and serving both call this, so a picture means the same to them.
 */
export function preprocess(picture: Picture, rule: PreprocessingRule): Float32Array {
  return normalise(fitToInput(picture, rule), rule.preprocessing);
}

/** `preprocess` but for its last step: 8-bit, as training augments it. */
export function fitToInput(picture: Picture, { input, preprocessing }: PreprocessingRule): ChannelImage {
  const { background, shorterSide, invert: inversion } = preprocessing;
  const opaque = background === undefined ? picture : compose(picture, background);
  const channels = input.channels === 1 ? grayscale(opaque) : withoutAlpha(opaque);
  const resized =
    shorterSide === undefined
      ? resizeBilinear(channels, input.width, input.height)
      : resizeAndCrop(channels, shorterSide, input);
  const inverted = inversion === 'bright-border' && borderMean(resized) > 127.5;
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

/** Lays a picture on a colour. */
function compose({ width, height, data }: Picture, background: readonly number[]): Picture {
  const composed = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3];
    for (let c = 0; c < 3; c++) {
      composed[i + c] = Math.round((data[i + c] * alpha + background[c] * (255 - alpha)) / 255);
    }
    composed[i + 3] = 255;
  }
  return { width, height, data: composed };
}

/**
 * torchvision's `Resize(shorterSide)` and `CenterCrop`: the longer side is cut to a whole number, the crop's
 * corner rounded half to even, as Python rounds. Only what is in the crop is computed.
 */
function resizeAndCrop(
  image: ChannelImage,
  shorterSide: number,
  crop: { readonly width: number; readonly height: number },
): ChannelImage {
  const shorter = Math.min(image.width, image.height);
  const width = Math.floor((shorterSide * image.width) / shorter);
  const height = Math.floor((shorterSide * image.height) / shorter);
  const left = roundHalfToEven((width - crop.width) / 2);
  const top = roundHalfToEven((height - crop.height) / 2);
  return resizeBilinear(image, width, height, { left, top, width: crop.width, height: crop.height });
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
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
