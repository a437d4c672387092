import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import * as z from 'zod';
import { PictureError } from '../inference/decode.ts';
import { PICTURE_PAGES_PER_READ, PICTURES_PER_PAGE } from '../limits.ts';
import type { ObjectStore } from '../owners.ts';
import { digestSchema, readLabelsOf, readObject } from './content.ts';
import { type ContentStore, putObject } from './content-store.ts';

/** Where the file of a picture lies: bytes `start` to `start + bytes − 1` of a block. */
export interface PicturePlace {
  /** SHA-256 of the block. */
  readonly block: string;
  readonly start: number;
  readonly bytes: number;
}

/** A picture of a set: where it lies, or what is wrong with it. */
export type PictureEntry =
  | { readonly path: string; readonly place: PicturePlace; readonly problem?: undefined }
  | { readonly path: string; readonly problem: PictureError; readonly place?: undefined };

/** Some pictures of a set, one behind the other: how many, and the SHA-256 of their table. */
export interface PicturePage {
  readonly count: number;
  readonly sha256: string;
}

/**
 * How a set of pictures lies in R2: this index under its own SHA-256, which is the content's name, and each part
 * under its own. The table of pictures is in pages, of which whoever wants a few pictures reads one.
 */
const indexSchema = z.strictObject({
  format: z.literal(3),
  count: z.int().positive(),
  pages: z.array(z.strictObject({ count: z.int().positive(), sha256: digestSchema })),
  /** SHA-256 of the labels, as those of embeddings are stored. */
  labels: digestSchema,
});

/** The same of sets from before there were pages: one table, whose blocks the index has. */
const unpagedIndexSchema = z.strictObject({
  format: z.literal(2),
  count: z.int().positive(),
  blocks: z.array(digestSchema),
  pictures: digestSchema,
  labels: digestSchema,
});

/** A line a picture: path, block, first byte and bytes; or path, code and message of what is wrong with it. */
const tableSchema = z.array(
  z.union([
    z.tuple([z.string(), z.int().nonnegative(), z.int().nonnegative(), z.int().positive()]),
    z.tuple([z.string(), z.string(), z.string()]),
  ]),
);

const pageSchema = z.strictObject({
  /** SHA-256 of each block of picture files that the page's pictures lie in. */
  blocks: z.array(digestSchema),
  pictures: tableSchema,
});

/** Stores the table of pictures whose files are stored, page by page. */
export async function storePicturePages(
  store: ContentStore,
  entries: readonly PictureEntry[],
): Promise<PicturePage[]> {
  const pages: PicturePage[] = [];
  for (let start = 0; start < entries.length; start += PICTURES_PER_PAGE) {
    const some = entries.slice(start, start + PICTURES_PER_PAGE);
    const blocks = [...new Set(some.flatMap(({ place }) => (place === undefined ? [] : [place.block])))];
    const numbers = new Map(blocks.map((block, number) => [block, number]));
    const pictures: z.infer<typeof tableSchema> = some.map(({ path, place, problem }) =>
      place === undefined
        ? [path, problem.code, problem.message]
        : [path, numbers.get(place.block) as number, place.start, place.bytes],
    );
    const page: z.infer<typeof pageSchema> = { blocks, pictures };
    const sha256 = await putObject(store, new TextEncoder().encode(JSON.stringify(page)));
    pages.push({ count: some.length, sha256 });
  }
  return pages;
}

/** Stores the index of a content whose parts are stored. @returns its SHA-256, the content's name. */
export function storePictureIndex(
  store: ContentStore,
  { count, pages, labels }: Omit<z.infer<typeof indexSchema>, 'format'>,
): Promise<string> {
  // The order of the fields is part of the name.
  const index: z.infer<typeof indexSchema> = { format: 3, count, pages, labels };
  return putObject(store, new TextEncoder().encode(JSON.stringify(index)));
}

/** What there is of the pictures of a page, in order. @param of what they belong to, for errors. */
export async function readPicturePage(
  store: ObjectStore,
  sha256: string,
  of: string,
): Promise<PictureEntry[]> {
  const bytes = await readObject(store, sha256, `a page of pictures of ${of}`);
  const { blocks, pictures } = pageSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  return entriesOf(pictures, blocks);
}

function entriesOf(table: z.infer<typeof tableSchema>, blocks: readonly string[]): PictureEntry[] {
  return table.map((row) => {
    if (row.length === 3) return { path: row[0], problem: new PictureError(row[1], row[2]) };
    const [path, block, start, bytes] = row;
    return { path, place: { block: blocks[block], start, bytes } };
  });
}

/** The pages of several pictures one after the other, a few of them read at a time. */
export async function* readPicturePages(
  store: ObjectStore,
  pages: readonly string[],
  of: string,
): AsyncGenerator<PictureEntry[], void, undefined> {
  for (let start = 0; start < pages.length; start += PICTURE_PAGES_PER_READ) {
    const some = pages.slice(start, start + PICTURE_PAGES_PER_READ);
    yield* await Promise.all(some.map((sha256) => readPicturePage(store, sha256, of)));
  }
}

/** The content of a stored set of pictures, read part by part. */
export class PictureContent {
  readonly #store: ObjectStore;
  readonly #sha256: string;
  readonly #index: z.infer<typeof indexSchema> | z.infer<typeof unpagedIndexSchema>;

  private constructor(
    store: ObjectStore,
    sha256: string,
    index: z.infer<typeof indexSchema> | z.infer<typeof unpagedIndexSchema>,
  ) {
    this.#store = store;
    this.#sha256 = sha256;
    this.#index = index;
  }

  static async open(store: ObjectStore, sha256: string): Promise<PictureContent> {
    const bytes = await readObject(store, sha256, 'the index of a set of pictures');
    const index = z
      .union([indexSchema, unpagedIndexSchema])
      .parse(JSON.parse(new TextDecoder().decode(bytes)));
    return new PictureContent(store, sha256, index);
  }

  get count(): number {
    return this.#index.count;
  }

  labels(): Promise<Labels> {
    return readLabelsOf(this.#store, this.#index.labels, this.#index.count, `set ${this.#sha256}`);
  }

  /** What there is of pictures `start` to before `end`, in order: of the others, no page is read. */
  async entries(start = 0, end = this.count): Promise<PictureEntry[]> {
    const of = `set ${this.#sha256}`;
    if (this.#index.format === 2) {
      const bytes = await readObject(this.#store, this.#index.pictures, `the pictures of ${of}`);
      const table = tableSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
      return entriesOf(table.slice(start, end), this.#index.blocks);
    }
    let first = 0;
    const wanted: { readonly first: number; readonly sha256: string }[] = [];
    for (const { count, sha256 } of this.#index.pages) {
      if (first < end && first + count > start) wanted.push({ first, sha256 });
      first += count;
    }
    const entries: PictureEntry[] = [];
    const pages = wanted.map(({ sha256 }) => sha256);
    for await (const page of readPicturePages(this.#store, pages, of)) entries.push(...page);
    const skipped = start - (wanted[0]?.first ?? start);
    return entries.slice(skipped, skipped + end - start);
  }

  /** The files of pictures, each as it was sent; of what could not be read, what is wrong with it. */
  async files(entries: readonly PictureEntry[]): Promise<(Uint8Array | PictureError)[]> {
    const files: (Uint8Array | PictureError)[] = [];
    let open: { block: string; bytes: Uint8Array } | undefined;
    for (const { path, place, problem } of entries) {
      if (problem !== undefined) {
        files.push(problem);
        continue;
      }
      const { block, start, bytes } = place;
      if (open?.block !== block) {
        const what = `the pictures from ${path} on, of set ${this.#sha256}`;
        open = { block, bytes: new Uint8Array(await readObject(this.#store, block, what)) };
      }
      files.push(open.bytes.subarray(start, start + bytes));
    }
    return files;
  }
}
