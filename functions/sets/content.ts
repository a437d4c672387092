import { blocksOf, type EmbeddingBlock } from '@softmargin/shared/metrics/blocks.ts';
import type { GallerySource } from '@softmargin/shared/metrics/evaluate.ts';
import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { z } from 'zod';
import { hex } from '../hex.ts';
import { BLOCK_BYTES, MAX_BLOCK_ROWS } from '../limits.ts';

/**
 * How the content of a set lies in R2: this index under its own SHA-256, which is the content's name, and
 * each part under its own. The same embeddings and labels have the same name whatever they were uploaded as,
 * and parts that two sets share are stored once.
 */
export interface SetIndex {
  readonly format: 1;
  readonly count: number;
  readonly dimension: number;
  readonly rowsPerBlock: number;
  /** SHA-256 of each block: float32, little-endian, transposed [dimension, rows]. */
  readonly blocks: readonly string[];
  /** SHA-256 of the labels: int32, little-endian, all identities and then all cameras. */
  readonly labels: string;
}

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/);

const indexSchema = z.strictObject({
  format: z.literal(1),
  count: z.int().positive(),
  dimension: z.int().positive(),
  rowsPerBlock: z.int().positive(),
  blocks: z.array(digestSchema),
  labels: digestSchema,
});

/** Stores the content of a set, block by block. @returns its SHA-256. */
export async function storeContent(store: R2Bucket, set: EmbeddingSet): Promise<string> {
  const rowsPerBlock = rowsPerBlockOf(set.dimension);
  const blocks: string[] = [];
  for (const { features } of blocksOf(set, rowsPerBlock)) blocks.push(await put(store, bytesOf(features)));
  const labels = new Int32Array(2 * set.count);
  labels.set(set.identities);
  labels.set(set.cameras, set.count);
  const index: SetIndex = {
    format: 1,
    count: set.count,
    dimension: set.dimension,
    rowsPerBlock,
    blocks,
    labels: await put(store, bytesOf(labels)),
  };
  return put(store, new TextEncoder().encode(JSON.stringify(index)));
}

/** Rows of a block: what fits its size, the same for every set of a dimension. */
export function rowsPerBlockOf(dimension: number): number {
  return Math.min(MAX_BLOCK_ROWS, Math.max(1, Math.floor(BLOCK_BYTES / (4 * dimension))));
}

/** The content of a stored set, read part by part. */
export class SetContent {
  readonly index: SetIndex;
  readonly #store: R2Bucket;
  readonly #sha256: string;

  private constructor(store: R2Bucket, sha256: string, index: SetIndex) {
    this.#sha256 = sha256;
    this.#store = store;
    this.index = index;
  }

  /** @param sha256 as `storeContent` gave it. */
  static async open(store: R2Bucket, sha256: string): Promise<SetContent> {
    const index = JSON.parse(new TextDecoder().decode(await get(store, sha256, 'the index of a set')));
    return new SetContent(store, sha256, indexSchema.parse(index));
  }

  async labels(): Promise<Labels> {
    const { count, labels } = this.index;
    const values = new Int32Array(await get(this.#store, labels, `the labels of set ${this.#sha256}`));
    return { identities: values.subarray(0, count), cameras: values.subarray(count) };
  }

  /** Block number `block`, from 0. */
  async block(block: number): Promise<EmbeddingBlock> {
    const { count, dimension, rowsPerBlock, blocks } = this.index;
    const start = block * rowsPerBlock;
    const what = `block ${block} of set ${this.#sha256}`;
    const features = new Float32Array(await get(this.#store, blocks[block], what));
    return { start, count: Math.min(rowsPerBlock, count - start), dimension, features };
  }

  /** Rows `start` to `start + count − 1` as one block, read from the blocks they lie in, one at a time. */
  async rows(start: number, count: number): Promise<EmbeddingBlock> {
    const { dimension, rowsPerBlock } = this.index;
    const features = new Float32Array(dimension * count);
    for (let number = Math.floor(start / rowsPerBlock); number * rowsPerBlock < start + count; number++) {
      const block = await this.block(number);
      const first = Math.max(start, block.start);
      const last = Math.min(start + count, block.start + block.count);
      for (let k = 0; k < dimension; k++) {
        const row = block.features.subarray(k * block.count, (k + 1) * block.count);
        features.set(row.subarray(first - block.start, last - block.start), k * count + first - start);
      }
    }
    return { start, count, dimension, features };
  }

  /** The whole set as a gallery that is read one block at a time. */
  gallery(labels: Labels): GallerySource {
    const { count, rowsPerBlock } = this.index;
    return { labels, count, rowsPerBlock, read: (block) => this.block(block) };
  }
}

async function put(store: R2Bucket, bytes: Uint8Array): Promise<string> {
  const sha256 = hex(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  await store.put(contentKey(sha256), bytes);
  return sha256;
}

/** Reads a part back as it was stored: no number is computed of bytes that changed meanwhile. */
async function get(store: R2Bucket, sha256: string, what: string): Promise<ArrayBuffer> {
  const object = await store.get(contentKey(sha256));
  if (object === null) throw new Error(`The content ${sha256} is not in R2 (${what}).`);
  const bytes = await object.arrayBuffer();
  if (hex(await crypto.subtle.digest('SHA-256', bytes)) !== sha256) {
    throw new Error(`The content ${sha256} in R2 is corrupted (${what}).`);
  }
  return bytes;
}

function contentKey(sha256: string): string {
  return `contents/${sha256}`;
}

function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
