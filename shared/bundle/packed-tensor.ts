import { BundleError, type BundleTensor } from './safetensors.ts';

/** How a bundle stores the weights of convolutions and of fully connected layers; all else is float32. */
export const weightTypes = ['f32', 'f16', 'int8'] as const;

export type WeightType = (typeof weightTypes)[number];

/** A tensor that is stored in fewer bytes than float32 and expanded where it is used. */
export abstract class PackedTensor implements BundleTensor {
  readonly shape: readonly number[];
  abstract readonly type: Exclude<WeightType, 'f32'>;
  /** What it takes in memory and in a file. */
  abstract readonly byteLength: number;

  constructor(shape: readonly number[]) {
    this.shape = shape;
  }

  /** All of it as float32: made anew each time. */
  get data(): Float32Array {
    const data = new Float32Array(this.shape.reduce((product, length) => product * length, 1));
    this.expand(0, data);
    return data;
  }

  /** Whether every number is finite. */
  abstract readonly isFinite: boolean;

  /** Writes the numbers from `first` on into all of `into`. */
  abstract expand(first: number, into: Float32Array): void;
}

/** The value of each of the 65,536 halves, once the first is asked for: half the time of working it out. */
let valuesOfHalves: Float32Array | undefined;

/** IEEE 754 half precision. */
export class HalfTensor extends PackedTensor {
  readonly type = 'f16';
  readonly halves: Uint16Array<ArrayBuffer>;

  constructor(shape: readonly number[], halves: Uint16Array<ArrayBuffer>) {
    super(shape);
    this.halves = halves;
  }

  /** @throws {BundleError} where a number is beyond 65,504, the largest half. */
  static from(name: string, { shape, data }: BundleTensor): HalfTensor {
    const halves = Uint16Array.from(data, toHalf);
    const at = halves.findIndex(isSpecial);
    if (at >= 0) throw new BundleError(`${name} holds ${data[at]}, which float16 cannot hold.`);
    return new HalfTensor(shape, halves);
  }

  get byteLength(): number {
    return this.halves.byteLength;
  }

  get isFinite(): boolean {
    return !this.halves.some(isSpecial);
  }

  expand(first: number, into: Float32Array): void {
    valuesOfHalves ??= Float32Array.from({ length: 0x10000 }, (_, half) => fromHalf(half));
    const { halves } = this;
    for (let i = 0; i < into.length; i++) into[i] = valuesOfHalves[halves[first + i]];
  }
}

/** Whole numbers from −127 to 127 times a scale of each output channel: the first dimension. */
export class ScaledTensor extends PackedTensor {
  readonly type = 'int8';
  readonly steps: Int8Array<ArrayBuffer>;
  readonly scales: Float32Array;

  constructor(shape: readonly number[], steps: Int8Array<ArrayBuffer>, scales: Float32Array) {
    super(shape);
    this.steps = steps;
    this.scales = scales;
  }

  /** Rounds each output channel to 127ths of its largest magnitude. */
  static from({ shape, data }: BundleTensor): ScaledTensor {
    const row = data.length / shape[0];
    const steps = new Int8Array(data.length);
    const scales = new Float32Array(shape[0]);
    for (let output = 0; output < shape[0]; output++) {
      let largest = 0;
      for (let i = output * row; i < (output + 1) * row; i++) largest = Math.max(largest, Math.abs(data[i]));
      const scale = Math.fround(largest / 127);
      scales[output] = scale;
      if (scale === 0) continue;
      for (let i = output * row; i < (output + 1) * row; i++) {
        steps[i] = Math.max(-127, Math.min(127, Math.round(data[i] / scale)));
      }
    }
    return new ScaledTensor(shape, steps, scales);
  }

  get byteLength(): number {
    return this.steps.byteLength + this.scales.byteLength;
  }

  get isFinite(): boolean {
    return this.scales.every(Number.isFinite);
  }

  expand(first: number, into: Float32Array): void {
    const { steps, scales } = this;
    const row = steps.length / this.shape[0];
    for (let i = 0; i < into.length; ) {
      const output = Math.floor((first + i) / row);
      const end = Math.min(into.length, (output + 1) * row - first);
      const scale = scales[output];
      for (; i < end; i++) into[i] = steps[first + i] * scale;
    }
  }
}

/** Whether every number of a tensor is finite. */
export function isFiniteTensor(tensor: BundleTensor): boolean {
  return tensor instanceof PackedTensor ? tensor.isFinite : tensor.data.every(Number.isFinite);
}

/** Writes numbers of a tensor, from `first` on, into all of `into`, whatever it is stored as. */
export function expandTensor(tensor: BundleTensor, first: number, into: Float32Array): void {
  if (tensor instanceof PackedTensor) tensor.expand(first, into);
  else into.set(tensor.data.subarray(first, first + into.length));
}

/** Stores the weights of products (what has more than one dimension) as a type; the rest stays float32. */
export function packTensors(
  tensors: ReadonlyMap<string, BundleTensor>,
  type: WeightType,
): Map<string, BundleTensor> {
  if (type === 'f32') return new Map(tensors);
  return new Map(
    Array.from(tensors, ([name, tensor]) => {
      if (tensor.shape.length < 2) return [name, tensor];
      return [name, type === 'f16' ? HalfTensor.from(name, tensor) : ScaledTensor.from(tensor)];
    }),
  );
}

/** Bytes of a tensor as it is held. */
export function heldBytes(tensor: BundleTensor): number {
  return tensor instanceof PackedTensor ? tensor.byteLength : tensor.data.byteLength;
}

/** Whether a half is infinite or no number. */
function isSpecial(half: number): boolean {
  return (half & 0x7c00) === 0x7c00;
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  // Below the smallest normal half, halves are multiples of 2^-24.
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The half nearest to a number, of two as near the even one; infinity beyond the largest. */
function toHalf(value: number): number {
  single[0] = value;
  const bits = singleBits[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // Above half way between the largest half and the next power of two.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  }
  // Below the smallest normal half, halves are multiples of 2^-24: rounded to even, as numbers of that size are.
  const multiples = Math.abs(single[0]) * 2 ** 24;
  const below = Math.floor(multiples);
  const rest = multiples - below;
  return sign | (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below);
}
