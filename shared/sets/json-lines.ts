import * as z from 'zod';
import { type EmbeddingSet, SetError, validateSet } from './embedding-set.ts';

const lineSchema = z.strictObject({
  identity: z.int32(),
  camera: z.int32(),
  group: z.int32().optional(),
  embedding: z.array(z.number()).min(1),
});

/**
 * Parses a set of JSON lines, one item a line: `{"identity": 1, "camera": 2, "embedding": [0.5, …]}`, with a
 * `"group"` in all of them or in none. Throws {@link SetError} that names the line, from 1.
 */
export function parseJsonLines(text: string): EmbeddingSet {
  const lines = text.split('\n');
  if (lines.at(-1)?.trim() === '') lines.pop();
  const parser = new JsonLineParser();
  const rows = lines.map((line) => parser.parse(line));
  const dimension = rows[0]?.length ?? 0;
  const features = new Float32Array(rows.length * dimension);
  for (const [i, row] of rows.entries()) features.set(row, i * dimension);
  return validateSet({ count: rows.length, dimension, features, ...parser.labels() });
}

/** Parses JSON lines one by one, and keeps their labels. */
export class JsonLineParser {
  #lines = 0;
  #dimension = 0;
  readonly #identities: number[] = [];
  readonly #cameras: number[] = [];
  #groups: number[] | undefined;

  /** Lines that were parsed. */
  get lines(): number {
    return this.#lines;
  }

  /** @returns the embedding of the next line. @throws {SetError} that names the line, from 1. */
  parse(line: string): Float32Array {
    const number = ++this.#lines;
    const fail = (message: string) => new SetError(`line ${number}`, `line ${number}: ${message}.`);
    const { identity, camera, group, embedding } = parseLine(line, fail);
    if (number === 1) {
      this.#dimension = embedding.length;
      if (group !== undefined) this.#groups = [];
    }
    if (embedding.length !== this.#dimension) {
      throw fail(`embedding has ${embedding.length} numbers, that of line 1 has ${this.#dimension}`);
    }
    if ((group === undefined) !== (this.#groups === undefined)) {
      throw fail(
        group === undefined ? 'group is missing, line 1 has one' : 'group is given, line 1 has none',
      );
    }
    const row = Float32Array.from(embedding);
    const broken = row.findIndex((value) => !Number.isFinite(value));
    if (broken >= 0) throw fail(`embedding[${broken}] is ${embedding[broken]}, not a finite float32`);
    this.#identities.push(identity);
    this.#cameras.push(camera);
    if (group !== undefined) this.#groups?.push(group);
    return row;
  }

  /** The labels of all lines. @throws {SetError} where there were none. */
  labels(): Pick<EmbeddingSet, 'identities' | 'cameras' | 'groups'> {
    if (this.#lines === 0) throw new SetError('body', 'The file has no lines.');
    return {
      identities: Int32Array.from(this.#identities),
      cameras: Int32Array.from(this.#cameras),
      ...(this.#groups !== undefined && { groups: Int32Array.from(this.#groups) }),
    };
  }
}

function parseLine(line: string, fail: (message: string) => SetError): z.infer<typeof lineSchema> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw fail(line.trim() === '' ? 'it is empty' : 'it is not JSON');
  }
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0];
  const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : String(part))).join('');
  throw fail(`${field === '' ? '' : `${field}: `}${message}`);
}
