/** Embeddings with the identity and the camera of each: a query set or a gallery set. */
export interface EmbeddingSet {
  readonly count: number;
  readonly dimension: number;
  /** Row-major, `count * dimension` numbers. */
  readonly features: Float32Array;
  readonly identities: Int32Array;
  readonly cameras: Int32Array;
  /** The group of each, such as the track that a picture is from. A set need not have any. */
  readonly groups?: Int32Array;
}

/** What is wrong with a set. `param` names the field. */
export class SetError extends Error {
  override readonly name = 'SetError';
  readonly param: string;

  constructor(param: string, message: string) {
    super(message);
    this.param = param;
  }
}

export const MAX_DIMENSION = 8192;

/** Checks that the parts of a set fit together and that every feature is a finite number. */
export function validateSet(set: EmbeddingSet): EmbeddingSet {
  const { count, dimension, features, identities, cameras, groups } = set;
  if (count === 0) throw new SetError('features', 'features has no rows.');
  if (dimension === 0 || dimension > MAX_DIMENSION) {
    throw new SetError('features', `features has ${dimension} columns; 1 to ${MAX_DIMENSION} are allowed.`);
  }
  if (features.length !== count * dimension) {
    throw new SetError(
      'features',
      `features has ${features.length} numbers for ${count} rows of ${dimension} columns.`,
    );
  }
  for (const [param, labels] of [
    ['identities', identities],
    ['cameras', cameras],
    ...(groups === undefined ? [] : [['groups', groups] as const]),
  ] as const) {
    if (labels.length !== count) {
      throw new SetError(param, `${param} has ${labels.length} entries for ${count} rows of features.`);
    }
  }
  const broken = features.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) {
    const row = Math.floor(broken / dimension);
    throw new SetError(
      'features',
      `features[${row}][${broken % dimension}] is ${features[broken]}, not a finite float32.`,
    );
  }
  return set;
}

/** Whole numbers of 32 bits as labels. Throws {@link SetError} that names the entry. */
export function toLabels(param: string, values: ArrayLike<number>): Int32Array {
  const labels = new Int32Array(values.length);
  for (let i = 0; i < labels.length; i++) {
    labels[i] = values[i];
    if (labels[i] !== values[i]) {
      throw new SetError(param, `${param}[${i}] is ${values[i]}, not a whole number of 32 bits.`);
    }
  }
  return labels;
}
