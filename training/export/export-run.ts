import { join } from 'node:path';
import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import { loadDataset } from '../datasets/datasets.ts';
import { type Checkpoint, readCheckpoint } from '../loop/checkpoint.ts';
import { readRunSettings } from '../loop/run-settings.ts';
import { CHECKPOINT_FILE } from '../loop/train.ts';
import { Trainer } from '../loop/trainer.ts';
import { describe } from './describe.ts';
import { exportBundle } from './export-bundle.ts';

export interface RunExport {
  /** Takes the place of the data location that the run had. */
  readonly data?: string | undefined;
  /** Those that validated best where there are such, or those of the last step. */
  readonly weights: 'best' | 'last';
  /** Whether the held-out pictures are embedded and ranked, for the scores in the manifest. */
  readonly scores: boolean;
  readonly onProgress: (done: number, total: number) => void;
  readonly onNote: (note: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The bundle of a training run as it is, finished or not, from its checkpoint, on tfjs's current backend.
 *
 * @throws {Error} if the directory has no checkpoint, or the data set is not where it was.
 */
export async function exportRun(
  directory: string,
  { data, weights, scores, onProgress, onNote, signal }: RunExport,
): Promise<{ readonly bytes: Uint8Array; readonly step: number }> {
  const checkpoint = await readCheckpoint(join(directory, CHECKPOINT_FILE));
  const settings = await readRunSettings(directory);
  const { recipe } = checkpoint;
  const split = await loadDataset(recipe.dataset, data ?? settings.data ?? undefined, onNote);
  const manifest = describe(settings.name, recipe, split);
  const best = weights === 'best' ? checkpoint.best : undefined;
  const parameters = best?.parameters ?? (await lastParameters(checkpoint, split.train.identities));
  const heldOut = scores ? (split.test ?? split.validation) : undefined;
  const { bytes } = await exportBundle(manifest, new Map(parameters), heldOut, {
    onProgress,
    onBroken: (path, reason) => onNote(`Left out: ${path}: ${reason}`),
    signal,
  });
  return { bytes, step: best?.step ?? checkpoint.trainer.step };
}

async function lastParameters(
  { recipe, trainer: state }: Checkpoint,
  identities: Int32Array,
): Promise<Map<string, BundleTensor>> {
  const trainer = new Trainer(recipe, new Set(identities).size, state);
  try {
    return await trainer.parameters();
  } finally {
    trainer.dispose();
  }
}
