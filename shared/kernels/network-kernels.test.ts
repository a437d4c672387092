import { describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { networkKernelBuilds } from '../../test/network-kernels.ts';
import { createRandom } from '../random.ts';
import { instantiateKernels, type Windows } from './network-kernels.ts';

/** The part of WebAssembly that the test needs of Node. */
const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (of: { initial: number }) => { buffer: ArrayBuffer } };
  }
).WebAssembly;

/** Kernels over a memory of their own, blocks of it one after the other, with a guard after each. */
function setUp(module: object) {
  const memory = new Memory({ initial: 16 });
  const kernels = instantiateKernels(module, memory);
  const guards: Float32Array[] = [];
  let free = 1024;
  const take = (length: number) => {
    const block = new Float32Array(memory.buffer, free, length);
    const guard = new Float32Array(memory.buffer, free + 4 * length, 4).fill(12345);
    guards.push(guard);
    free += 4 * (length + 4);
    return block;
  };
  const random = createRandom(13);
  const draw = (length: number) => {
    const block = take(length);
    for (let i = 0; i < length; i++) block[i] = random.normal();
    return block;
  };
  const expectGuarded = () => {
    for (const guard of guards) expect([...guard]).toEqual([12345, 12345, 12345, 12345]);
    expect(new Uint8Array(memory.buffer, 0, 1024).every((byte) => byte === 0)).toBe(true);
  };
  return { kernels, take, draw, expectGuarded };
}

const [IMAGES, HEIGHT, WIDTH, CHANNELS, FILTERS, SIZE] = [3, 6, 5, 5, 11, 3];
const PIXELS = IMAGES * HEIGHT * WIDTH;
/** A 3×3 filter, padded so that the map keeps its size. */
const WINDOWS: Windows = [
  ...([IMAGES, HEIGHT, WIDTH, CHANNELS, HEIGHT + 2, WIDTH + 2, 1, 1, 1, 1] as const),
  ...([SIZE, SIZE, 1, 1, HEIGHT, WIDTH] as const),
];
const [SCRATCH_HEIGHT, SCRATCH_WIDTH] = [HEIGHT + 2, WIDTH + 2];

/** Every pixel with every pixel of its window: `visit(output pixel, tap, input pixel)`. */
function visitWindows(visit: (to: number, tap: number, from: number) => void): void {
  for (let n = 0; n < IMAGES; n++) {
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        for (let tap = 0; tap < SIZE * SIZE; tap++) {
          const [fromY, fromX] = [y + Math.floor(tap / SIZE) - 1, x + (tap % SIZE) - 1];
          if (fromY < 0 || fromY >= HEIGHT || fromX < 0 || fromX >= WIDTH) continue;
          visit((n * HEIGHT + y) * WIDTH + x, tap, (n * HEIGHT + fromY) * WIDTH + fromX);
        }
      }
    }
  }
}

describe.each(['relaxedSimd', 'simd'] as const)('the build %s', (build) => {
  const module = networkKernelBuilds[build]();
  const scratchLength = (kernels: ReturnType<typeof setUp>['kernels']) =>
    kernels.scratchBytes(IMAGES, SCRATCH_HEIGHT, SCRATCH_WIDTH, CHANNELS, HEIGHT, WIDTH) / 4;

  test('convolves, and writes nowhere else', () => {
    const { kernels, take, draw, expectGuarded } = setUp(module);
    const rows = SIZE * SIZE * CHANNELS;
    const maps = draw(PIXELS * CHANNELS);
    const filter = draw(rows * FILTERS);
    const packed = take(kernels.packedBytes(rows, FILTERS) / 4);
    const output = take(PIXELS * FILTERS);
    const scratch = take(scratchLength(kernels));
    kernels.packMatrix(filter.byteOffset, rows, FILTERS, 4 * FILTERS, 4, packed.byteOffset);
    kernels.convolve(
      maps.byteOffset,
      packed.byteOffset,
      FILTERS,
      output.byteOffset,
      scratch.byteOffset,
      ...WINDOWS,
    );

    const expected = new Float64Array(PIXELS * FILTERS);
    visitWindows((to, tap, from) => {
      for (let c = 0; c < CHANNELS; c++) {
        for (let f = 0; f < FILTERS; f++) {
          expected[to * FILTERS + f] +=
            maps[from * CHANNELS + c] * filter[(tap * CHANNELS + c) * FILTERS + f];
        }
      }
    });
    expectAllClose(output, expected, 1e-5, 'output');
    expectGuarded();
  });

  test('gives the gradient of filters, and writes nowhere else', () => {
    const { kernels, take, draw, expectGuarded } = setUp(module);
    const maps = draw(PIXELS * CHANNELS);
    const gradient = draw(PIXELS * FILTERS);
    const output = take(SIZE * SIZE * CHANNELS * FILTERS);
    const scratch = take(scratchLength(kernels));
    kernels.filterGradient(
      maps.byteOffset,
      gradient.byteOffset,
      FILTERS,
      output.byteOffset,
      scratch.byteOffset,
      ...WINDOWS,
    );

    const expected = new Float64Array(output.length);
    visitWindows((to, tap, from) => {
      for (let c = 0; c < CHANNELS; c++) {
        for (let f = 0; f < FILTERS; f++) {
          expected[(tap * CHANNELS + c) * FILTERS + f] +=
            maps[from * CHANNELS + c] * gradient[to * FILTERS + f];
        }
      }
    });
    expectAllClose(output, expected, 1e-5, 'gradient');
    expectGuarded();
  });

  test('gives the gradient of depthwise filters, and writes nowhere else', () => {
    const { kernels, take, draw, expectGuarded } = setUp(module);
    const maps = draw(PIXELS * CHANNELS);
    const gradient = draw(PIXELS * CHANNELS);
    const output = take(SIZE * SIZE * CHANNELS);
    const scratch = take(scratchLength(kernels));
    kernels.depthwiseFilterGradient(
      maps.byteOffset,
      gradient.byteOffset,
      output.byteOffset,
      scratch.byteOffset,
      ...WINDOWS,
    );

    const expected = new Float64Array(output.length);
    visitWindows((to, tap, from) => {
      for (let c = 0; c < CHANNELS; c++) {
        expected[tap * CHANNELS + c] += maps[from * CHANNELS + c] * gradient[to * CHANNELS + c];
      }
    });
    expectAllClose(output, expected, 1e-5, 'gradient');
    expectGuarded();
  });

  test('normalises rows whose mean is far from zero, many blocks of them', () => {
    const { kernels, take, draw, expectGuarded } = setUp(module);
    const [rows, channels] = [3000, 6];
    const input = draw(rows * channels);
    for (let i = 0; i < input.length; i++) input[i] = 1000 + input[i] * (1 + (i % channels));
    const [weight, bias] = [draw(channels), draw(channels)];
    const output = take(rows * channels);
    const [mean, variance, inverse] = [take(channels), take(channels), take(channels)];
    kernels.normalise(
      ...([input.byteOffset, rows, channels, weight.byteOffset, bias.byteOffset, 1e-5] as const),
      ...([output.byteOffset, mean.byteOffset, variance.byteOffset, inverse.byteOffset] as const),
    );

    for (let c = 0; c < channels; c++) {
      const column = Array.from({ length: rows }, (_, row) => input[row * channels + c]);
      const average = column.reduce((sum, value) => sum + value, 0) / rows;
      const spread = column.reduce((sum, value) => sum + (value - average) ** 2, 0) / rows;
      expect(mean[c] / average).toBeCloseTo(1, 6);
      expect(variance[c] / spread).toBeCloseTo(1, 4);
      expect(inverse[c] * Math.sqrt(spread + 1e-5)).toBeCloseTo(1, 4);
      const expected = column.map(
        (value) => ((value - average) / Math.sqrt(spread + 1e-5)) * weight[c] + bias[c],
      );
      expectAllClose(
        column.map((_, row) => output[row * channels + c]),
        expected,
        1e-3,
        `output of channel ${c}`,
      );
    }
    expectGuarded();
  });
});
