import type { EmbeddingBlock } from '@softmargin/shared/metrics/blocks.ts';
import type { GallerySource } from '@softmargin/shared/metrics/evaluate.ts';
import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import * as z from 'zod';
import { hex } from '../hex.ts';
import type { ObjectStore } from '../owners.ts';
import { rowsPerBlockOf } from './block-writer.ts';
import { type ContentStore, contentKey, putObject } from './content-store.ts';

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
  /** SHA-256 of the labels: int32, little-endian, all identities, then all cameras, then the groups if any. */
  readonly labels: string;
}

/** A SHA-256 in hexadecimal digits. */
export const digestSchema = z.string().regex(/^[0-9a-f]{64}$/);

const indexSchema = z.strictObject({
  format: z.literal(1),
  count: z.int().positive(),
  dimension: z.int().positive(),
  rowsPerBlock: z.int().positive(),
  blocks: z.array(digestSchema),
  labels: digestSchema,
});

/** Stores the index of a content whose parts are stored. @returns its SHA-256, the content's name. */
export function storeIndex(
  store: ContentStore,
  { count, dimension, blocks, labels }: Pick<SetIndex, 'count' | 'dimension' | 'blocks' | 'labels'>,
): Promise<string> {
  // The order of the fields is part of the name.
  const index: SetIndex = {
    format: 1,
    count,
    dimension,
    rowsPerBlock: rowsPerBlockOf(dimension),
    blocks,
    labels,
  };
  return putObject(store, new TextEncoder().encode(JSON.stringify(index)));
}

/** Labels as they are stored: one column after the other. */
export function joinLabels({ identities, cameras, groups }: Labels): Int32Array {
  const columns = [identities, cameras, ...(groups === undefined ? [] : [groups])];
  const joined = new Int32Array(columns.length * identities.length);
  for (const [i, column] of columns.entries()) joined.set(column, i * identities.length);
  return joined;
}

/** The content of a stored set, read part by part. */
export class SetContent {
  readonly index: SetIndex;
  readonly #store: ObjectStore;
  readonly #sha256: string;

  private constructor(store: ObjectStore, sha256: string, index: SetIndex) {
    this.#sha256 = sha256;
    this.#store = store;
    this.index = index;
  }

  /** @param sha256 as `storeContent` gave it. */
  static async open(store: ObjectStore, sha256: string): Promise<SetContent> {
    const index = JSON.parse(new TextDecoder().decode(await readObject(store, sha256, 'the index of a set')));
    return new SetContent(store, sha256, indexSchema.parse(index));
  }

  labels(): Promise<Labels> {
    return readLabelsOf(this.#store, this.index.labels, this.index.count, `set ${this.#sha256}`);
  }

  /** Block number `block`, from 0. */
  async block(block: number): Promise<EmbeddingBlock> {
    const { count, dimension, rowsPerBlock, blocks } = this.index;
    const start = block * rowsPerBlock;
    const what = `block ${block} of set ${this.#sha256}`;
    const features = new Float32Array(await readObject(this.#store, blocks[block], what));
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

  /** The whole set in tiles of at most `most` rows, cut out of one stored block after the other. */
  tiles(most: number): Omit<GallerySource, 'labels'> {
    const { count, rowsPerBlock } = this.index;
    // As a rule a tile lies in one block; one that does not is put together of two.
    const tilesPerBlock = Math.ceil(Math.min(rowsPerBlock, count) / most);
    const rows = Math.ceil(Math.min(rowsPerBlock, count) / tilesPerBlock);
    let block: EmbeddingBlock | undefined;
    const read = async (tile: number) => {
      const first = tile * rows;
      const size = Math.min(rows, count - first);
      if (block === undefined || first < block.start || first + size > block.start + block.count) {
        const whole = await this.block(Math.floor(first / rowsPerBlock));
        if (first + size > whole.start + whole.count) return this.rows(first, size);
        block = whole;
      }
      return sliceBlock(block, first, size);
    };
    return { count, rowsPerBlock: rows, read };
  }
}

/** Rows of a block as a block of their own. */
function sliceBlock(block: EmbeddingBlock, start: number, count: number): EmbeddingBlock {
  if (block.start === start && block.count === count) return block;
  const { dimension } = block;
  const features = new Float32Array(dimension * count);
  for (let k = 0; k < dimension; k++) {
    const first = k * block.count + start - block.start;
    features.set(block.features.subarray(first, first + count), k * count);
  }
  return { start, count, dimension, features };
}

/** Reads labels as `joinLabels` joined them. @param of whose they are, for errors. */
export async function readLabelsOf(
  store: ObjectStore,
  sha256: string,
  count: number,
  of: string,
): Promise<Labels> {
  const values = new Int32Array(await readObject(store, sha256, `the labels of ${of}`));
  return {
    identities: values.subarray(0, count),
    cameras: values.subarray(count, 2 * count),
    ...(values.length > 2 * count && { groups: values.subarray(2 * count) }),
  };
}

/** Reads a part back as it was stored: no number is computed of bytes that changed meanwhile. */
export async function readObject(store: ObjectStore, sha256: string, what: string): Promise<ArrayBuffer> {
  const object = await store.get(contentKey(sha256));
  if (object === null) throw new Error(`The content ${sha256} is not in R2 (${what}).`);
  const bytes = await object.arrayBuffer();
  if (hex(await crypto.subtle.digest('SHA-256', bytes)) !== sha256) {
    throw new Error(`The content ${sha256} in R2 is corrupted (${what}).`);
  }
  return bytes;
}
