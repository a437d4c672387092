import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { exampleManifest } from '../../test/bundles.ts';
import { createRandom } from '../random.ts';
import { type BundleTensor, readBundle, writeBundle } from './bundle.ts';
import { HalfTensor, heldBytes, packTensors, ScaledTensor } from './packed-tensor.ts';
import { serialiseTensors } from './safetensors.ts';

/** A half by the definition of IEEE 754: sign, 5 bits of exponent, 10 of fraction. */
function halfByDefinition(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = (half & 0x3ff) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

describe('float16', () => {
  test('each of the 65,536 halves expands to the number that the standard says', () => {
    const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const { data } = new HalfTensor([65_536], halves);
    for (const half of halves) {
      if (!Object.is(data[half], halfByDefinition(half))) throw new Error(`${half}: ${data[half]}`);
    }
  });

  test('each finite half packs to itself, and what lies between two to the nearest, or to the even one', () => {
    const next = (half: number) => halfByDefinition(half + 1);
    for (let half = 0; half < 0x7bff; half++) {
      const [low, high] = [halfByDefinition(half), next(half)];
      const middle = (low + high) / 2;
      const values = [low, -low, low + (high - low) / 4, high - (high - low) / 4, middle];
      const { halves } = HalfTensor.from('w', { shape: [5], data: Float32Array.from(values) });
      const even = half % 2 === 0 ? half : half + 1;
      const expected = [half, half | 0x8000, half, half + 1, even];
      if (halves.join() !== expected.join()) throw new Error(`${half}: ${halves.join()}`);
    }
  });

  test('what is too large is refused by name', () => {
    const largest = { shape: [2], data: Float32Array.of(65_504, -65_504) };
    expect([...HalfTensor.from('w', largest).data]).toEqual([65_504, -65_504]);
    const beyond = { shape: [2], data: Float32Array.of(1, 65_520) };
    expect(() => HalfTensor.from('fc.weight', beyond)).toThrow(
      'fc.weight holds 65520, which float16 cannot hold.',
    );
  });
});

describe('int8', () => {
  test('each output channel is rounded to 127ths of its largest magnitude', () => {
    const data = Float32Array.of(1, -0.4, 0.252, 0, 0, 0, -20, 5, 0.01);
    const { steps, scales, data: expanded } = ScaledTensor.from({ shape: [3, 3], data });
    expect([...steps]).toEqual([127, -51, 32, 0, 0, 0, -127, 32, 0]);
    expect([...scales]).toEqual([1 / 127, 0, 20 / 127].map(Math.fround));
    for (const [i, value] of data.entries()) {
      expect(Math.abs(expanded[i] - value)).toBeLessThanOrEqual(scales[Math.floor(i / 3)] / 2 + 1e-7);
    }
  });

  test('a part that begins and ends within channels expands as the whole does', () => {
    const random = createRandom(1);
    const tensor = ScaledTensor.from({
      shape: [5, 7],
      data: Float32Array.from({ length: 35 }, () => random.normal()),
    });
    const part = new Float32Array(20);
    tensor.expand(5, part);
    expect(part).toEqual(tensor.data.subarray(5, 25));
  });
});

describe('a bundle of packed weights', () => {
  const random = createRandom(2);
  const tensors = new Map<string, BundleTensor>([
    ['conv.weight', { shape: [3, 2, 1, 1], data: Float32Array.from({ length: 6 }, () => random.normal()) }],
    ['conv.bias', { shape: [3], data: Float32Array.of(1e6, 2, 3) }],
  ]);

  test.each(['f16', 'int8'] as const)('%s: reads back as it was written', async (type) => {
    const packed = packTensors(tensors, type);
    const manifest = { ...exampleManifest(), weights: { type, serving: 'by-layer' as const } };
    const read = await readBundle(await writeBundle(manifest, packed));
    expect(new Set(read.tensors.keys())).toEqual(new Set(tensors.keys()));
    expect(read.tensors.get('conv.weight')).toEqual(packed.get('conv.weight'));
    expect(read.tensors.get('conv.bias')).toEqual(tensors.get('conv.bias'));
    expect(heldBytes(read.tensors.get('conv.weight') as BundleTensor)).toBe(type === 'f16' ? 12 : 6 + 12);
  });

  test('int8 without its scales is refused', async () => {
    const zeros = '0'.repeat(64);
    const unsigned = serialiseTensors(
      new Map([['w', { dtype: 'I8', shape: [1, 2], bytes: Uint8Array.of(1, 2) }]]),
      { 'softmargin.sha256': zeros, 'softmargin.manifest': JSON.stringify(exampleManifest()) },
    );
    const digest = createHash('sha256').update(unsigned).digest('hex');
    const signed = Buffer.from(Buffer.from(unsigned).toString('latin1').replace(zeros, digest), 'latin1');
    await expect(readBundle(signed)).rejects.toThrow(
      'The tensor "w" is I8 and needs "w.scales", F32 of shape [1].',
    );
  });
});
