import * as z from 'zod';
import { type EmbeddingSet, SetError, toLabels, validateSet } from './embedding-set.ts';

const schema = z.strictObject({
  features: z.array(z.array(z.number())).min(1),
  identities: z.array(z.number()),
  cameras: z.array(z.number()),
  groups: z.array(z.number()).optional(),
});

/**
 * Parses a set of the JSON form `{features: [[…], …], identities: […], cameras: […]}`, with `groups: […]` or
 * without. Throws {@link SetError}.
 */
export function parseJsonSet(value: unknown): EmbeddingSet {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0];
    const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : String(part))).join('');
    throw new SetError(String(path[0] ?? 'body'), `${field || 'body'}: ${message}.`);
  }
  const { features: rows, identities, cameras, groups } = parsed.data;
  const dimension = rows[0].length;
  const features = new Float32Array(rows.length * dimension);
  for (const [i, row] of rows.entries()) {
    if (row.length !== dimension) {
      throw new SetError(
        'features',
        `features[${i}] has ${row.length} numbers, features[0] has ${dimension}.`,
      );
    }
    features.set(row, i * dimension);
  }
  return validateSet({
    count: rows.length,
    dimension,
    features,
    identities: toLabels('identities', identities),
    cameras: toLabels('cameras', cameras),
    ...(groups !== undefined && { groups: toLabels('groups', groups) }),
  });
}
