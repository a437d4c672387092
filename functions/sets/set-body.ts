import { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { MAX_DIMENSION, SetError, toLabels } from '@softmargin/shared/sets/embedding-set.ts';
import type { EntryVisitor } from '@softmargin/shared/sets/entry-visitor.ts';
import { FieldChoice, type Side } from '@softmargin/shared/sets/field-names.ts';
import { readFormStream } from '@softmargin/shared/sets/form-stream.ts';
import { JsonLineParser } from '@softmargin/shared/sets/json-lines.ts';
import { parseLabelTable, readLabelTable } from '@softmargin/shared/sets/label-table.ts';
import { readLines } from '@softmargin/shared/sets/lines.ts';
import { type ArrayStream, readNpyStream } from '@softmargin/shared/sets/npy-stream.ts';
import { readSafetensorsStream } from '@softmargin/shared/sets/safetensors-stream.ts';
import { readTarStream } from '@softmargin/shared/sets/tar-stream.ts';
import { readZipStream } from '@softmargin/shared/sets/zip-stream.ts';
import {
  MAX_BODY_FEATURES_BYTES,
  MAX_BODY_PICTURES,
  MAX_COLUMN_MAJOR_BYTES,
  MAX_FORM_PARTS,
  MAX_LABEL_TABLE_BYTES,
  MAX_SET_ROWS,
  MAX_UNPACKED_BYTES,
} from '../limits.ts';
import { BlockWriter, type StoredFeatures } from './block-writer.ts';
import { FORMAT_BYTES, FORMATS_READ, formatOf } from './body-format.ts';
import type { ContentStore } from './content-store.ts';

/** What a features array announces, before its numbers come; of JSON lines, after they came. */
export interface FeaturesShape {
  readonly count: number;
  readonly dimension: number;
  /** NumPy's name of the type without the byte order: `f4`. */
  readonly type: string;
}

/** Labels that came, of which some may be missing. */
export interface GivenLabels {
  readonly identities?: Int32Array | undefined;
  readonly cameras?: Int32Array | undefined;
  readonly groups?: Int32Array | undefined;
}

/** What a body was found to hold. Which of it has to be there is for the caller to say. */
export interface SetBody {
  readonly features: StoredFeatures | undefined;
  readonly labels: GivenLabels;
}

/** Takes the pictures of a body, and their labels where a table came. */
export interface PictureTaker {
  /** Whether labels that came as a table are those of pictures. */
  readonly found: boolean;
  visit(path: string, size: number | undefined): EntryVisitor | undefined;
  takeLabels(table: string): void;
}

export interface SetBodyOptions {
  /** Is shown the shape of the features before they are read, to refuse them. */
  readonly accept?: (shape: FeaturesShape) => void;
  /** Of a file that holds two sets. */
  readonly side?: Side | undefined;
  /** Of a body that is a form. */
  readonly boundary?: string | undefined;
  /** Takes pictures, where they may come. */
  readonly pictures?: PictureTaker;
}

/**
 * Reads a body of any format but JSON as it comes. Features go into stored blocks and pictures to whoever takes
 * them while they come; labels are held. Throws `SetError`.
 */
export async function readSetBody(
  body: ByteReader,
  store: ContentStore,
  options: SetBodyOptions = {},
): Promise<SetBody> {
  return new SetBodyReader(store, options).read(body);
}

class SetBodyReader {
  readonly #store: ContentStore;
  readonly #options: SetBodyOptions;
  readonly #choice: FieldChoice;
  #features: StoredFeatures | undefined;
  #labels: GivenLabels = {};
  /** Labels as CSV: whether they are of features or of pictures shows when all has come. */
  #labelTable: string | undefined;

  constructor(store: ContentStore, options: SetBodyOptions) {
    this.#store = store;
    this.#options = options;
    this.#choice = new FieldChoice(options.side);
  }

  async read(body: ByteReader): Promise<SetBody> {
    const { boundary } = this.#options;
    if (boundary === undefined) await this.#readFile(body);
    else await this.#readForm(body, boundary);
    if (this.#labelTable !== undefined && this.#options.pictures !== undefined) {
      if (this.#options.pictures.found) this.#options.pictures.takeLabels(this.#labelTable);
      else this.#takeLabels(parseLabelTable(this.#labelTable, { mostRows: MAX_SET_ROWS }));
    }
    return { features: this.#features, labels: this.#labels };
  }

  async #readFile(body: ByteReader): Promise<void> {
    const first = await body.take(FORMAT_BYTES);
    body.unread(first);
    switch (formatOf(first)) {
      case 'npy':
        return this.#takeFeatures(await readNpyStream(body, 'features'));
      case 'zip':
        return readZipStream(body, (name, size) => this.#visit(name, size), MAX_BODY_PICTURES);
      case 'tar':
        return readTarStream(body, (name, size) => this.#visit(name, size), MAX_BODY_PICTURES);
      case 'gzip':
        return this.#readFile(await unpacked(body));
      case 'safetensors':
        return readSafetensorsStream(body, (name) => {
          const field = this.#choice.fieldOf(name);
          return field && ((tensor) => this.#take(field, name, tensor));
        });
      case 'json-lines':
        return this.#readJsonLines(body);
      case 'csv':
        return this.#readLabelTable(body);
      default:
        throw new SetError('body', `The body is of no format that is read: ${FORMATS_READ}.`);
    }
  }

  /** Fields of a form: `features` and `labels`, or `pictures` (one file each) and `labels`. */
  async #readForm(body: ByteReader, boundary: string): Promise<void> {
    const { pictures } = this.#options;
    await readFormStream(
      body,
      boundary,
      ({ field, filename }) => {
        if (field === 'pictures' && pictures !== undefined) {
          if (filename === undefined) throw new SetError('pictures', 'pictures: a part of it is no file.');
          return pictures.visit(filename, undefined);
        }
        if (field === 'features') return (data) => this.#readFile(new ByteReader(data));
        if (field === 'labels') return (data) => this.#readLabelTable(new ByteReader(data));
        const known = pictures === undefined ? '' : '"pictures", ';
        throw new SetError(field, `${field}: a form has the fields ${known}"features" and "labels".`);
      },
      MAX_FORM_PARTS,
    );
  }

  /** Who takes a file of an archive: an array by its field, everything else is up to the pictures. */
  #visit(name: string, size: number | undefined): EntryVisitor | undefined {
    if (/(^|\/)labels\.csv$/i.test(name)) return (data) => this.#readLabelTable(new ByteReader(data));
    const array = name.replace(/\.npy$/, '');
    if (array === name) return this.#options.pictures?.visit(name, size);
    const field = this.#choice.fieldOf(array);
    return (
      field && (async (data) => this.#take(field, array, await readNpyStream(new ByteReader(data), array)))
    );
  }

  async #take(field: keyof GivenLabels | 'features', name: string, array: ArrayStream): Promise<void> {
    if (field === 'features') await this.#takeFeatures(array, name);
    else this.#labels = { ...this.#labels, [field]: await readLabels(array, name) };
  }

  async #takeFeatures(array: ArrayStream, name = 'features'): Promise<void> {
    this.#features = await storeFeatures(array, name, this.#store, this.#options.accept);
  }

  #takeLabels(labels: GivenLabels): void {
    if (Object.values(this.#labels).some((known) => known !== undefined)) {
      throw new SetError('labels', 'labels: the labels came twice.');
    }
    this.#labels = labels;
  }

  async #readLabelTable(body: ByteReader): Promise<void> {
    if (this.#labelTable !== undefined) throw new SetError('labels', 'labels: the labels came twice.');
    // Where no pictures may come, the labels are of features, and their text need not be held.
    if (this.#options.pictures === undefined) {
      const labels = await readLabelTable(body, { mostRows: MAX_SET_ROWS });
      this.#labelTable = '';
      this.#takeLabels(labels);
      return;
    }
    this.#labelTable = await readText(body, MAX_LABEL_TABLE_BYTES);
  }

  async #readJsonLines(body: ByteReader): Promise<void> {
    const parser = new JsonLineParser();
    let writer: BlockWriter | undefined;
    for await (const line of readLines(body)) {
      const row = parser.parse(line);
      checkShape(parser.lines, row.length);
      checkBytes(parser.lines, row.length);
      writer ??= new BlockWriter(this.#store, row.length);
      await writer.write(row);
    }
    this.#takeLabels(parser.labels());
    this.#features = await writer?.end();
    if (this.#features !== undefined) {
      this.#options.accept?.({ ...this.#features, type: 'JSON' });
    }
  }
}

/** All of a text. @throws {SetError} where it has more bytes than are read. */
async function readText(body: ByteReader, most: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for (let length = 0; ; ) {
    const piece = await body.some(65_536);
    if (piece.length === 0) return text + decoder.decode();
    length += piece.length;
    if (length > most) throw new SetError('labels', `labels: a table of labels may have ${most} bytes.`);
    text += decoder.decode(piece, { stream: true });
  }
}

/** A gzip body unpacked, as it comes; it may not unpack to more than a body of its kind would have. */
async function unpacked(body: ByteReader): Promise<ByteReader> {
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const piece = await body.some(65_536);
      if (piece.length === 0) controller.close();
      else controller.enqueue(piece.slice());
    },
  });
  const inflated = source.pipeThrough(new DecompressionStream('gzip'));
  async function* limited(): AsyncGenerator<Uint8Array, void, undefined> {
    let total = 0;
    const pieces = (inflated as ReadableStream<Uint8Array>).values();
    for (;;) {
      const { done, value } = await pieces.next().catch((error) => {
        throw new SetError('body', `Not a readable gzip file: ${(error as Error).message}`);
      });
      if (done) return;
      total += value.length;
      if (total > MAX_UNPACKED_BYTES) {
        throw new SetError(
          'body',
          `The body unpacks to more than the ${MAX_UNPACKED_BYTES} bytes that are read.`,
        );
      }
      yield value;
    }
  }
  const reader = new ByteReader(limited());
  const first = await reader.take(FORMAT_BYTES);
  reader.unread(first);
  if (formatOf(first) === 'gzip')
    throw new SetError('body', 'The body is packed twice; it is unpacked once.');
  return reader;
}

/** Refuses labels that are missing or of another number than the features. */
export function checkLabels(
  { identities, cameras, groups }: GivenLabels,
  count: number,
): { identities: Int32Array; cameras: Int32Array; groups?: Int32Array } {
  const check = (param: string, labels: Int32Array | undefined): Int32Array => {
    if (labels === undefined) {
      throw new SetError(param, `${param}: every set has them; none came with ${count} rows of features.`);
    }
    if (labels.length !== count) {
      throw new SetError(param, `${param} has ${labels.length} entries for ${count} rows of features.`);
    }
    return labels;
  };
  return {
    identities: check('identities', identities),
    cameras: check('cameras', cameras),
    ...(groups !== undefined && { groups: check('groups', groups) }),
  };
}

async function storeFeatures(
  { header, values }: ArrayStream,
  name: string,
  store: ContentStore,
  accept: (shape: FeaturesShape) => void = () => {},
): Promise<StoredFeatures> {
  const { shape, type, columnMajor } = header;
  if (shape.length !== 2) {
    throw new SetError(
      'features',
      `${name} has shape (${shape.join(', ')}), not two dimensions: rows, columns.`,
    );
  }
  const [count, dimension] = shape;
  checkShape(count, dimension);
  checkBytes(count, dimension);
  const bytes = 4 * count * dimension;
  if (columnMajor && bytes > MAX_COLUMN_MAJOR_BYTES) {
    throw new SetError(
      'features',
      `features is in Fortran order and ${bytes} bytes as float32; in that order up to ${MAX_COLUMN_MAJOR_BYTES} are read. Save it in C order (numpy.ascontiguousarray).`,
    );
  }
  accept({ count, dimension, type });
  const writer = new BlockWriter(store, dimension, count);
  if (columnMajor) {
    await writer.write(await toRows(values, count, dimension));
  } else {
    for await (const part of values) await writer.write(part);
  }
  return writer.end();
}

/** Checks what holds for the features of every set, however they come. */
export function checkShape(count: number, dimension: number): void {
  if (count === 0) throw new SetError('features', 'features has no rows.');
  if (count > MAX_SET_ROWS) {
    throw new SetError('features', `features has ${count} rows; up to ${MAX_SET_ROWS} are stored.`);
  }
  if (dimension === 0 || dimension > MAX_DIMENSION) {
    throw new SetError('features', `features has ${dimension} columns; 1 to ${MAX_DIMENSION} are allowed.`);
  }
}

function checkBytes(count: number, dimension: number): void {
  const bytes = 4 * count * dimension;
  if (bytes <= MAX_BODY_FEATURES_BYTES) return;
  throw new SetError(
    'features',
    `features of ${count} × ${dimension} are ${bytes} bytes as float32; one body may have ${MAX_BODY_FEATURES_BYTES}. Send a larger set in parts.`,
  );
}

/** Numbers that come column by column, by rows. */
async function toRows(
  values: ArrayStream['values'],
  count: number,
  dimension: number,
): Promise<Float32Array> {
  const rows = new Float32Array(count * dimension);
  let row = 0;
  let column = 0;
  for await (const part of values) {
    for (const value of part) {
      rows[row * dimension + column] = value;
      if (++row < count) continue;
      row = 0;
      column++;
    }
  }
  return rows;
}

async function readLabels({ header, values }: ArrayStream, param: string): Promise<Int32Array> {
  const { shape, length } = header;
  if (shape.length !== 1) {
    throw new SetError(param, `${param} has shape (${shape.join(', ')}), not one dimension.`);
  }
  if (length > MAX_SET_ROWS) {
    throw new SetError(param, `${param} has ${length} entries; a set has up to ${MAX_SET_ROWS} rows.`);
  }
  const numbers = new Float64Array(length);
  let filled = 0;
  for await (const part of values) {
    numbers.set(part, filled);
    filled += part.length;
  }
  return toLabels(param, numbers);
}
