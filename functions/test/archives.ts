import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { serialiseNpy } from '@softmargin/shared/sets/npy.ts';
import { type Zippable, zipSync } from 'fflate';

/** The rows of a set from `start` to before `end`. */
export function rowsOf(set: EmbeddingSet, start: number, end: number): EmbeddingSet {
  return {
    count: end - start,
    dimension: set.dimension,
    features: set.features.slice(start * set.dimension, end * set.dimension),
    identities: set.identities.slice(start, end),
    cameras: set.cameras.slice(start, end),
  };
}

/** Arrays of a set, some replaced or (for `undefined`) left out, as an archive with its entries in order. */
export function archiveOf(
  set: EmbeddingSet,
  order: readonly string[] = ['features', 'identities', 'cameras'],
  replaced: Record<string, Uint8Array> = {},
  level: 0 | 9 = 0,
): Uint8Array<ArrayBuffer> {
  const arrays: Record<string, Uint8Array> = {
    features: serialiseNpy(set.features, [set.count, set.dimension]),
    identities: serialiseNpy(set.identities, [set.identities.length]),
    cameras: serialiseNpy(set.cameras, [set.cameras.length]),
    ...replaced,
  };
  const files: Zippable = {};
  for (const name of order) files[`${name}.npy`] = arrays[name];
  return zipSync(files, { level }) as Uint8Array<ArrayBuffer>;
}
