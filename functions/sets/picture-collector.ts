import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import { SetError } from '@softmargin/shared/sets/embedding-set.ts';
import type { EntryVisitor } from '@softmargin/shared/sets/entry-visitor.ts';
import type { PictureNaming } from '@softmargin/shared/sets/picture-names.ts';
import { checkPicture, PictureError, tooManyBytes } from '../inference/decode.ts';
import { MAX_BODY_PICTURES, MAX_PATH_LENGTH, MAX_PICTURE_BYTES, MAX_UNPACKED_BYTES } from '../limits.ts';
import type { ContentStore } from './content-store.ts';
import type { PictureEntry } from './picture-content.ts';
import { labelsByName, PathLabels, PicturePaths } from './picture-labels.ts';
import { PictureWriter, type WrittenPlace } from './picture-writer.ts';
import type { PictureTaker } from './set-body.ts';

/** Files that are taken for pictures: those that cannot be read are reported. */
const PICTURE = /\.(jpe?g|png|bmp|gif|webp|tiff?|ppm|avif|heic|jp2)$/i;

/** Files within a file: what is in them would be missing without a word. */
const ARCHIVE = /\.(zip|tar|tgz|gz|bz2|xz|7z|rar|zst)$/i;

/** What operating systems leave in folders. */
const LITTER = /(^|\/)(__MACOSX\/|\.|Thumbs\.db$)/;

/** What came of a picture, before the block is stored that it lies in. */
type Taken =
  | { readonly path: string; readonly place: WrittenPlace }
  | { readonly path: string; readonly problem: PictureError };

/** The pictures of a body, stored. */
export interface CollectedPictures {
  readonly entries: readonly PictureEntry[];
  /** `undefined` where neither names nor a table give them. */
  readonly labels: Labels | undefined;
}

/**
 * Takes the pictures of a body as they come, in their order, and stores them as they are. One that cannot be read
 * is noted with its reason, and the rest goes on. Files that are no pictures are passed over.
 */
export class PictureCollector implements PictureTaker {
  readonly #writer: PictureWriter;
  readonly #naming: PictureNaming | undefined;
  readonly #paths = new PicturePaths();
  readonly #entries: Taken[] = [];
  #unpacked = 0;
  #table: string | undefined;

  /** @param naming how paths say whose a picture is; a table of labels does instead. */
  constructor(store: ContentStore, naming: PictureNaming | undefined) {
    this.#writer = new PictureWriter(store);
    this.#naming = naming;
  }

  /** Whether a picture came. */
  get found(): boolean {
    return this.#entries.length > 0;
  }

  /** Says who takes a file. @param size in bytes, where it is known. @throws {SetError} of a path that is none. */
  visit(path: string, size: number | undefined): EntryVisitor | undefined {
    const clean = path.replace(/^(\.\/)+/, '');
    checkPath(path, clean);
    if (clean.endsWith('/') || LITTER.test(clean)) return undefined;
    if (ARCHIVE.test(clean)) {
      throw new SetError('body', `${path}: it is an archive in the body; put its pictures there themselves.`);
    }
    if (!PICTURE.test(clean)) return undefined;
    const index = this.#entries.length;
    if (index === MAX_BODY_PICTURES) {
      throw new SetError(
        'body',
        `The body has more than the ${MAX_BODY_PICTURES} pictures that one may have.`,
      );
    }
    if (this.#paths.add(clean) !== undefined) throw new SetError('body', `${path}: the body has it twice.`);
    this.#entries.push({ path: clean, problem: tooManyBytes(String(size)) });
    // Not unpacked to be refused.
    if (size !== undefined && size > MAX_PICTURE_BYTES) return undefined;
    return async (data) => {
      this.#entries[index] = await this.#read(clean, data);
    };
  }

  /** Takes labels by path, in place of names. */
  takeLabels(table: string): void {
    this.#table = table;
  }

  /** Stores what is left. @throws {SetError} of labels that are not those of the pictures. */
  async end(): Promise<CollectedPictures> {
    const blocks = await this.#writer.end();
    const entries = this.#entries.map(
      (taken): PictureEntry =>
        'problem' in taken
          ? taken
          : { path: taken.path, place: { ...taken.place, block: blocks[taken.place.block] } },
    );
    return { entries, labels: this.#labels() };
  }

  async #read(path: string, data: AsyncIterable<Uint8Array>): Promise<Taken> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of data) {
      length += piece.length;
      this.#unpacked += piece.length;
      if (this.#unpacked > MAX_UNPACKED_BYTES) {
        throw new SetError(
          'body',
          `${path}: with it the pictures have more than the ${MAX_UNPACKED_BYTES} bytes that one body may unpack to.`,
        );
      }
      // A copy: pieces are views of what comes next.
      if (length <= MAX_PICTURE_BYTES) pieces.push(piece.slice());
    }
    if (length > MAX_PICTURE_BYTES) return { path, problem: tooManyBytes(String(length)) };
    const bytes = new Uint8Array(length);
    let filled = 0;
    for (const piece of pieces) {
      bytes.set(piece, filled);
      filled += piece.length;
    }
    try {
      checkPicture(bytes);
    } catch (problem) {
      if (problem instanceof PictureError) return { path, problem };
      throw problem;
    }
    return { path, place: await this.#writer.write(bytes) };
  }

  #labels(): Labels | undefined {
    const paths = this.#entries.map(({ path }) => path);
    if (this.#table !== undefined) {
      const table = new PathLabels(this.#table, MAX_BODY_PICTURES);
      for (const path of paths) table.take(path);
      return table.end();
    }
    return this.#naming === undefined ? undefined : labelsByName(paths, this.#naming);
  }
}

/** Nothing is written to a disk here; but who sends such a path means no picture by it. */
function checkPath(path: string, clean: string): void {
  const fail = (cause: string) => new SetError('body', `${path.slice(0, 100)}: ${cause}.`);
  if (clean.length > MAX_PATH_LENGTH) throw fail(`its path has more than ${MAX_PATH_LENGTH} characters`);
  if (/[\\\0]/.test(clean)) throw fail('its path has a backslash or a NUL');
  if (/^\/|^[A-Za-z]:/.test(clean)) throw fail('its path is not relative');
  if (clean.split('/').includes('..')) throw fail('its path leads out of the archive (..)');
}
