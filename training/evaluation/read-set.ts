import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type EmbeddingSet, SetError } from '@softmargin/shared/sets/embedding-set.ts';
import type { Side } from '@softmargin/shared/sets/field-names.ts';
import { parseJsonSet } from '@softmargin/shared/sets/json.ts';
import { parseJsonLines } from '@softmargin/shared/sets/json-lines.ts';
import { parseNpySet } from '@softmargin/shared/sets/npy-set.ts';
import { parseNpz } from '@softmargin/shared/sets/npz.ts';
import { parseSafetensorsSet } from '@softmargin/shared/sets/safetensors.ts';

/**
 * Reads a set from a file, in the format that its name ends in. A file with a query side and a gallery side
 * gives the one that is asked for, and has to be asked for one.
 *
 * @param labels the CSV with the labels of a bare `.npy`; without it, the file beside it that ends in `.csv`.
 */
export async function readSet(path: string, side?: Side, labels?: string): Promise<EmbeddingSet> {
  try {
    const format = extname(path).toLowerCase();
    if (labels !== undefined && format !== '.npy') {
      throw new SetError('labels', 'labels in a file of their own go with a bare .npy only.');
    }
    switch (format) {
      case '.npz':
        return parseNpz(await readFile(path), Number.POSITIVE_INFINITY, side);
      case '.npy':
        return parseNpySet(await readFile(path), await readLabels(path, labels));
      case '.safetensors':
        return parseSafetensorsSet(await readFile(path), side);
      case '.jsonl':
      case '.ndjson':
        return parseJsonLines(await readFile(path, 'utf8'));
      case '.json':
        return parseJsonSet(JSON.parse(await readFile(path, 'utf8')));
      default:
        throw new SetError('body', 'a set is .npz, .npy with a .csv, .safetensors, .jsonl or .json.');
    }
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}

async function readLabels(path: string, labels: string | undefined): Promise<string> {
  const beside = labels ?? `${path.slice(0, -extname(path).length)}.csv`;
  try {
    return await readFile(beside, 'utf8');
  } catch (cause) {
    throw new Error(`its labels are looked for in ${beside}: ${(cause as Error).message}`, { cause });
  }
}
