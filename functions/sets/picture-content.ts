import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import * as z from 'zod';
import { PictureError } from '../inference/decode.ts';
import type { ObjectStore } from '../owners.ts';
import { digestSchema, readLabelsOf, readObject } from './content.ts';
import { type ContentStore, putObject } from './content-store.ts';
import type { PicturePlace } from './picture-writer.ts';

/** A picture of a set: where it lies, or what is wrong with it. */
export type PictureEntry =
  | { readonly path: string; readonly place: PicturePlace; readonly problem?: undefined }
  | { readonly path: string; readonly problem: PictureError; readonly place?: undefined };

/**
 * How a set of pictures lies in R2: this index under its own SHA-256, which is the content's name, and each part
 * under its own.
 */
const indexSchema = z.strictObject({
  format: z.literal(2),
  count: z.int().positive(),
  /** SHA-256 of each block of picture files, one behind the other. */
  blocks: z.array(digestSchema),
  /** SHA-256 of the table of pictures. */
  pictures: digestSchema,
  /** SHA-256 of the labels, as those of embeddings are stored. */
  labels: digestSchema,
});

/** A line a picture: path, block, first byte and bytes; or path, code and message of what is wrong with it. */
const tableSchema = z.array(
  z.union([
    z.tuple([z.string(), z.int().nonnegative(), z.int().nonnegative(), z.int().positive()]),
    z.tuple([z.string(), z.string(), z.string()]),
  ]),
);

/** Stores the table of pictures whose blocks are stored. @returns its SHA-256. */
export function storePictureTable(store: ContentStore, entries: readonly PictureEntry[]): Promise<string> {
  const table: z.infer<typeof tableSchema> = entries.map(({ path, place, problem }) =>
    place === undefined
      ? [path, problem.code, problem.message]
      : [path, place.block, place.start, place.bytes],
  );
  return putObject(store, new TextEncoder().encode(JSON.stringify(table)));
}

/** Stores the index of a content whose parts are stored. @returns its SHA-256, the content's name. */
export function storePictureIndex(
  store: ContentStore,
  {
    count,
    blocks,
    pictures,
    labels,
  }: Readonly<Record<'pictures' | 'labels', string>> & { count: number; blocks: readonly string[] },
): Promise<string> {
  // The order of the fields is part of the name.
  const index: z.infer<typeof indexSchema> = { format: 2, count, blocks: [...blocks], pictures, labels };
  return putObject(store, new TextEncoder().encode(JSON.stringify(index)));
}

/** The content of a stored set of pictures, read part by part. */
export class PictureContent {
  readonly #store: ObjectStore;
  readonly #sha256: string;
  readonly #index: z.infer<typeof indexSchema>;

  private constructor(store: ObjectStore, sha256: string, index: z.infer<typeof indexSchema>) {
    this.#store = store;
    this.#sha256 = sha256;
    this.#index = index;
  }

  static async open(store: ObjectStore, sha256: string): Promise<PictureContent> {
    const bytes = await readObject(store, sha256, 'the index of a set of pictures');
    return new PictureContent(store, sha256, indexSchema.parse(JSON.parse(new TextDecoder().decode(bytes))));
  }

  get count(): number {
    return this.#index.count;
  }

  labels(): Promise<Labels> {
    return readLabelsOf(this.#store, this.#index.labels, this.#index.count, `set ${this.#sha256}`);
  }

  /** What there is of each picture, in order. */
  async entries(): Promise<PictureEntry[]> {
    const bytes = await readObject(this.#store, this.#index.pictures, `the pictures of set ${this.#sha256}`);
    const table = tableSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return table.map((row) => {
      if (row.length === 3) return { path: row[0], problem: new PictureError(row[1], row[2]) };
      const [path, block, start, length] = row;
      return { path, place: { block, start, bytes: length } };
    });
  }

  /** The files of pictures, each as it was sent; of what could not be read, what is wrong with it. */
  async files(entries: readonly PictureEntry[]): Promise<(Uint8Array | PictureError)[]> {
    const files: (Uint8Array | PictureError)[] = [];
    let open: { block: number; bytes: Uint8Array } | undefined;
    for (const { place, problem } of entries) {
      if (problem !== undefined) {
        files.push(problem);
        continue;
      }
      const { block, start, bytes } = place;
      if (open?.block !== block) {
        const what = `block ${block} of set ${this.#sha256}`;
        open = {
          block,
          bytes: new Uint8Array(await readObject(this.#store, this.#index.blocks[block], what)),
        };
      }
      files.push(open.bytes.slice(start, start + bytes));
    }
    return files;
  }
}
