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
  if (lines.length === 0) throw new SetError('body', 'The file has no lines.');
  const count = lines.length;
  const identities = new Int32Array(count);
  const cameras = new Int32Array(count);
  let groups: Int32Array | undefined;
  let dimension = 0;
  let features = new Float32Array();
  for (const [row, line] of lines.entries()) {
    const fail = (message: string) => new SetError(`line ${row + 1}`, `line ${row + 1}: ${message}.`);
    const { identity, camera, group, embedding } = parseLine(line, fail);
    if (row === 0) {
      dimension = embedding.length;
      features = new Float32Array(count * dimension);
      if (group !== undefined) groups = new Int32Array(count);
    }
    if (embedding.length !== dimension) {
      throw fail(`embedding has ${embedding.length} numbers, that of line 1 has ${dimension}`);
    }
    if ((group === undefined) !== (groups === undefined)) {
      throw fail(
        group === undefined ? 'group is missing, line 1 has one' : 'group is given, line 1 has none',
      );
    }
    features.set(embedding, row * dimension);
    const broken = embedding.findIndex((_, k) => !Number.isFinite(features[row * dimension + k]));
    if (broken >= 0) throw fail(`embedding[${broken}] is ${embedding[broken]}, not a finite float32`);
    identities[row] = identity;
    cameras[row] = camera;
    if (groups !== undefined && group !== undefined) groups[row] = group;
  }
  return validateSet({
    ...{ count, dimension, features, identities, cameras },
    ...(groups !== undefined && { groups }),
  });
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
