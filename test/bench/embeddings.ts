import type { EmbeddingBlock } from '../../shared/metrics/blocks.ts';
import type { Labels } from '../../shared/metrics/protocols.ts';

/** Embeddings that mean nothing, or as training leaves them: near others of their identity. */
export type EmbeddingKind = 'random' | 'clustered';

/** A set that is made row by row, so that any block of it can be made alone. */
export interface SyntheticSet {
  readonly count: number;
  readonly dimension: number;
  readonly kind: EmbeddingKind;
  readonly labels: Labels;
  readonly seed: number;
}

/** How far an item lies from the centre of its identity: most matches rank before everything else, not all. */
const SPREAD = 2.2;

/** A set of `count` rows of `identityCount` identities, seen by six cameras. */
export function syntheticSet(
  seed: number,
  count: number,
  dimension: number,
  kind: EmbeddingKind,
  identityCount: number,
): SyntheticSet {
  const labels = {
    identities: Int32Array.from({ length: count }, (_, i) => 1 + Math.floor((i * identityCount) / count)),
    cameras: Int32Array.from({ length: count }, (_, i) => i % 6),
  };
  return { count, dimension, kind, labels, seed };
}

/** Rows `start` to `start + count − 1` of a set, transposed. */
export function makeBlock(set: SyntheticSet, start: number, count: number): EmbeddingBlock {
  const { dimension, kind, labels, seed } = set;
  const features = new Float32Array(dimension * count);
  for (let j = 0; j < count; j++) {
    let noise = stateOf(seed, start + j);
    let centre = stateOf(0, labels.identities[start + j]);
    for (let k = 0; k < dimension; k++) {
      noise = next(noise);
      let value = noise;
      if (kind === 'clustered') {
        centre = next(centre);
        value = SPREAD * noise + centre;
      }
      features[k * count + j] = value / 2 ** 31;
    }
  }
  return { start, count, dimension, features };
}

/** Marsaglia's xorshift of 32 bits. */
function next(state: number): number {
  let x = state;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x;
}

function stateOf(seed: number, index: number): number {
  let state = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca77);
  if (state === 0) state = 1;
  for (let i = 0; i < 4; i++) state = next(state);
  return state;
}
