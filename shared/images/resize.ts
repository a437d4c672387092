import type { ChannelImage } from './picture.ts';

/**
 * Resizes with an antialiased triangle filter, reproducing Pillow's `Image.resize(size, BILINEAR)`: the
 * networks people bring were trained through torchvision on top of it, and a resize that only looks alike
 * moves their embeddings. As there, the horizontal pass comes first, each pass rounds to 8 bits, and a
 * pass that would not change the size is skipped.
 */
export function resizeBilinear(image: ChannelImage, width: number, height: number): ChannelImage {
  let result = image;
  if (width !== result.width) result = resampleRows(result, width);
  if (height !== result.height) result = resampleColumns(result, height);
  return result;
}

/** Pillow's fixed-point precision: 32 bits less 8 for the value and 2 of headroom. */
const PRECISION = 22;
const HALF = 1 << (PRECISION - 1);

interface Filter {
  /** First source position of each output position. */
  readonly first: Int32Array;
  /** Number of source positions of each output position. */
  readonly length: Int32Array;
  /** Fixed-point weights, `stride` for each output position. */
  readonly weights: Int32Array;
  readonly stride: number;
}

function triangleFilter(from: number, to: number): Filter {
  const scale = from / to;
  const support = Math.max(1, scale);
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const length = new Int32Array(to);
  const weights = new Int32Array(to * stride);
  const exact = new Float64Array(stride);
  for (let position = 0; position < to; position++) {
    const centre = (position + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const high = Math.min(from, Math.trunc(centre + support + 0.5));
    let total = 0;
    for (let source = low; source < high; source++) {
      const weight = Math.max(0, 1 - Math.abs((source - centre + 0.5) / support));
      exact[source - low] = weight;
      total += weight;
    }
    first[position] = low;
    length[position] = high - low;
    for (let k = 0; k < high - low; k++) {
      weights[position * stride + k] = Math.trunc(0.5 + (exact[k] / total) * (1 << PRECISION));
    }
  }
  return { first, length, weights, stride };
}

// The weights are not negative and sum to one but for rounding: only 255 can be passed.
function resampleRows(image: ChannelImage, width: number): ChannelImage {
  const { height, channels, data } = image;
  const { first, length, weights, stride } = triangleFilter(image.width, width);
  const resized = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const row = y * image.width * channels;
    for (let x = 0; x < width; x++) {
      const start = x * stride;
      const end = start + length[x];
      for (let c = 0; c < channels; c++) {
        let at = row + first[x] * channels + c;
        let sum = HALF;
        for (let k = start; k < end; k++) {
          sum = (sum + Math.imul(data[at], weights[k])) | 0;
          at += channels;
        }
        resized[(y * width + x) * channels + c] = Math.min(255, sum >> PRECISION);
      }
    }
  }
  return { width, height, channels, data: resized };
}

function resampleColumns(image: ChannelImage, height: number): ChannelImage {
  const { width, channels, data } = image;
  const { first, length, weights, stride } = triangleFilter(image.height, height);
  const row = width * channels;
  const resized = new Uint8Array(row * height);
  // Row by row through the source, as it lies in memory.
  const sums = new Int32Array(row);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let k = 0; k < length[y]; k++) {
      const weight = weights[y * stride + k];
      const from = (first[y] + k) * row;
      for (let x = 0; x < row; x++) sums[x] += Math.imul(data[from + x], weight);
    }
    for (let x = 0; x < row; x++) resized[y * row + x] = Math.min(255, sums[x] >> PRECISION);
  }
  return { width, height, channels, data: resized };
}
