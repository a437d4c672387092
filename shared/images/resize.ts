import type { ChannelImage } from './picture.ts';

/** A part of an image, in pixels. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Resizes with an antialiased triangle filter, reproducing Pillow's `Image.resize(size, BILINEAR)`: the
 * networks people bring were trained through torchvision on top of it, and a resize that only looks alike
 * moves their embeddings. As there, the horizontal pass comes first, each pass rounds to 8 bits, and a
 * pass that would not change the size is skipped.
 *
 * Rows are taken one after the other, so that beside the result there is nothing that grows with the image.
 *
 * @param window the part of the resized image that is wanted; all of it unless given.
 */
export function resizeBilinear(
  image: ChannelImage,
  width: number,
  height: number,
  window: Window = { left: 0, top: 0, width, height },
): ChannelImage {
  const { channels } = image;
  const across =
    width === image.width ? undefined : triangleFilter(image.width, width, window.left, window.width);
  const down =
    height === image.height ? undefined : triangleFilter(image.height, height, window.top, window.height);
  const rowLength = window.width * channels;
  const data = new Uint8Array(rowLength * window.height);
  const rowOf = (y: number, row: Uint8Array) => {
    const start = y * image.width * channels;
    if (across !== undefined) resampleRow(image.data, start, channels, across, row);
    else
      row.set(
        image.data.subarray(start + window.left * channels, start + window.left * channels + rowLength),
      );
  };
  if (down === undefined) {
    for (let y = 0; y < window.height; y++) {
      rowOf(window.top + y, data.subarray(y * rowLength, (y + 1) * rowLength));
    }
    return { width: window.width, height: window.height, channels, data };
  }

  const { first, length, weights, stride } = down;
  const sums = new Int32Array(data.length).fill(HALF);
  const row = new Uint8Array(rowLength);
  const last = window.height - 1;
  // Both ends of what each output row is made of ascend: a source row goes to `from` to `to − 1`.
  for (let source = first[0], from = 0, to = 0; source < first[last] + length[last]; source++) {
    rowOf(source, row);
    while (first[from] + length[from] <= source) from++;
    while (to <= last && first[to] <= source) to++;
    for (let y = from; y < to; y++) {
      const weight = weights[y * stride + source - first[y]];
      const start = y * rowLength;
      for (let x = 0; x < rowLength; x++) sums[start + x] += Math.imul(row[x], weight);
    }
  }
  // The weights are not negative and sum to one but for rounding: only 255 can be passed.
  for (let i = 0; i < data.length; i++) data[i] = Math.min(255, sums[i] >> PRECISION);
  return { width: window.width, height: window.height, channels, data };
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

/** The filter of output positions `start` to `start + count − 1` of `to`. */
function triangleFilter(from: number, to: number, start: number, count: number): Filter {
  const scale = from / to;
  const support = Math.max(1, scale);
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(count);
  const length = new Int32Array(count);
  const weights = new Int32Array(count * stride);
  const exact = new Float64Array(stride);
  for (let position = 0; position < count; position++) {
    const centre = (start + position + 0.5) * scale;
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

function resampleRow(
  data: Uint8Array,
  start: number,
  channels: number,
  { first, length, weights, stride }: Filter,
  row: Uint8Array,
): void {
  for (let x = 0; x < first.length; x++) {
    const from = x * stride;
    const to = from + length[x];
    for (let c = 0; c < channels; c++) {
      let at = start + first[x] * channels + c;
      let sum = HALF;
      for (let k = from; k < to; k++) {
        sum = (sum + Math.imul(data[at], weights[k])) | 0;
        at += channels;
      }
      row[x * channels + c] = Math.min(255, sum >> PRECISION);
    }
  }
}
