import { type EmbeddingSet, SetError, validateSet } from './embedding-set.ts';
import { parseLabelTable } from './label-table.ts';
import { parseNpy } from './npy.ts';

/**
 * Parses a bare `.npy` array of features [n, d] with its labels as CSV: the columns `identity` and `camera`,
 * and optionally `group` and `path` (which is not read), in any order under a line that names them; one line
 * a row of features. Throws {@link SetError}.
 */
export function parseNpySet(features: Uint8Array, labels: string): EmbeddingSet {
  const { shape, values } = parseNpy(features, 'features');
  if (shape.length !== 2) {
    throw new SetError(
      'features',
      `features has shape (${shape.join(', ')}), not two dimensions: rows, columns.`,
    );
  }
  return validateSet({
    count: shape[0],
    dimension: shape[1],
    features: values instanceof Float32Array ? values : Float32Array.from(values),
    ...parseLabels(labels, shape[0]),
  });
}

function parseLabels(text: string, count: number): Pick<EmbeddingSet, 'identities' | 'cameras' | 'groups'> {
  const table = parseLabelTable(text);
  const rows = table.identities.length;
  if (rows !== count) {
    throw new SetError('labels', `labels: there are ${rows} rows of labels for ${count} rows of features.`);
  }
  return table;
}
