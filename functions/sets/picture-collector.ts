import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import { SetError } from '@softmargin/shared/sets/embedding-set.ts';
import type { EntryVisitor } from '@softmargin/shared/sets/entry-visitor.ts';
import { parseLabelTable } from '@softmargin/shared/sets/label-table.ts';
import {
  type PictureNaming,
  parsePictureName,
  pictureNamings,
} from '@softmargin/shared/sets/picture-names.ts';
import { checkPicture, PictureError, tooManyBytes } from '../inference/decode.ts';
import { MAX_PATH_LENGTH, MAX_PICTURE_BYTES, MAX_SET_PICTURES, MAX_UNPACKED_BYTES } from '../limits.ts';
import type { ContentStore } from './content-store.ts';
import type { PictureEntry } from './picture-content.ts';
import { PictureWriter } from './picture-writer.ts';

/** Files that are taken for pictures: those that cannot be read are reported. */
const PICTURE = /\.(jpe?g|png|bmp|gif|webp|tiff?|ppm|avif|heic|jp2)$/i;

/** Files within a file: what is in them would be missing without a word. */
const ARCHIVE = /\.(zip|tar|tgz|gz|bz2|xz|7z|rar|zst)$/i;

/** What operating systems leave in folders. */
const LITTER = /(^|\/)(__MACOSX\/|\.|Thumbs\.db$)/;

/**
 * Takes the pictures of a body as they come, in their order, and stores them as they are. One that cannot be read
 * is noted with its reason, and the rest goes on. Files that are no pictures are passed over.
 */
export class PictureCollector {
  readonly #writer: PictureWriter;
  readonly #naming: PictureNaming | undefined;
  readonly #paths = new Set<string>();
  readonly #entries: PictureEntry[] = [];
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
    if (this.#paths.has(clean)) throw new SetError('body', `${path}: the body has it twice.`);
    if (this.#paths.size === MAX_SET_PICTURES) {
      throw new SetError(
        'body',
        `The body has more than ${MAX_SET_PICTURES} pictures, which a set may have.`,
      );
    }
    this.#paths.add(clean);
    const index = this.#entries.length;
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

  /** Stores what is left. @throws {SetError} where labels are missing, or not one picture can be read. */
  async end(): Promise<{ entries: readonly PictureEntry[]; blocks: readonly string[]; labels: Labels }> {
    const entries = this.#entries;
    const [first] = entries;
    if (first === undefined) {
      throw new SetError(
        'body',
        'The body has no arrays "features", "identities", "cameras", and no pictures.',
      );
    }
    const labels = this.#table === undefined ? this.#labelsByName() : this.#labelsByPath(this.#table);
    if (first.problem !== undefined && entries.every(({ problem }) => problem !== undefined)) {
      throw new SetError(
        'body',
        `None of the ${entries.length} pictures can be read. The first, ${first.path}: ${first.problem.message}`,
      );
    }
    return { entries, blocks: await this.#writer.end(), labels };
  }

  async #read(path: string, data: AsyncIterable<Uint8Array>): Promise<PictureEntry> {
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

  #labelsByName(): Labels {
    const naming = this.#naming;
    if (naming === undefined) {
      throw new SetError(
        'names',
        `names: say how the names of the pictures give their labels (?names=${pictureNamings.join(', ')}), or send a labels.csv with the columns path, identity and camera.`,
      );
    }
    const labels = this.#entries.map(({ path }) => parsePictureName(path, naming));
    return {
      identities: Int32Array.from(labels, ({ identity }) => identity),
      cameras: Int32Array.from(labels, ({ camera }) => camera),
    };
  }

  #labelsByPath(text: string): Labels {
    const table = parseLabelTable(text, { paths: true, mostRows: MAX_SET_PICTURES });
    const rows = new Map<string, number>();
    for (const [row, path] of (table.paths ?? []).entries()) {
      const line = `labels: line ${row + 2}`;
      if (rows.has(path)) throw new SetError('labels', `${line}: the path "${path}" is there twice.`);
      if (!this.#paths.has(path)) throw new SetError('labels', `${line}: there is no picture "${path}".`);
      rows.set(path, row);
    }
    const order = this.#entries.map(({ path }) => {
      const row = rows.get(path);
      if (row === undefined) throw new SetError('labels', `labels: the picture "${path}" has no line.`);
      return row;
    });
    const pick = (column: Int32Array) => Int32Array.from(order, (row) => column[row]);
    return {
      identities: pick(table.identities),
      cameras: pick(table.cameras),
      ...(table.groups !== undefined && { groups: pick(table.groups) }),
    };
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
