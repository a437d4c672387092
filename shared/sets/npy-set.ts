import { CsvError, csvNumber, parseCsv } from './csv.ts';
import { type EmbeddingSet, SetError, validateSet } from './embedding-set.ts';
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
  try {
    const table = parseCsv(text, ['identity', 'camera'], ['group', 'path']);
    if (table.rows.length !== count) {
      throw new CsvError(`there are ${table.rows.length} rows of labels for ${count} rows of features.`);
    }
    const column = (name: string) =>
      Int32Array.from(table.rows, (_, row) => {
        const value = csvNumber(table, row, name);
        if ((value | 0) !== value) {
          throw new CsvError(`line ${row + 2}: ${name} is ${value}, not a whole number of 32 bits.`);
        }
        return value;
      });
    return {
      identities: column('identity'),
      cameras: column('camera'),
      ...(table.columns.includes('group') && { groups: column('group') }),
    };
  } catch (error) {
    if (error instanceof CsvError) throw new SetError('labels', `labels: ${error.message}`);
    throw error;
  }
}
