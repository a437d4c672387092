import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import type { ChannelStatistics } from '@softmargin/shared/images/preprocess.ts';
import type { ImageDataset } from '../datasets/dataset.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { RunLog } from './run-log.ts';
import { type StepReport, Trainer } from './trainer.ts';

export interface TrainingRun {
  readonly recipe: Recipe;
  readonly dataset: ImageDataset;
  readonly statistics: ChannelStatistics;
  /** Takes `log.jsonl` and `checkpoint.safetensors`. */
  readonly directory: string;
  /** Go on from the checkpoint in the directory. */
  readonly resume: boolean;
  /** Steps between checkpoints; the last step always has one. */
  readonly checkpointEvery: number;
  readonly onStep?: (report: StepReport) => void;
  /** Stops the run after the step in progress, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/**
 * Trains to the recipe's last step, on tfjs's current backend.
 *
 * @returns the network's parameters as a bundle holds them.
 */
export async function train(run: TrainingRun): Promise<Map<string, BundleTensor>> {
  const { recipe, dataset, statistics, directory, resume, checkpointEvery, onStep, signal } = run;
  await mkdir(directory, { recursive: true });
  const checkpointPath = join(directory, 'checkpoint.safetensors');
  const checkpoint = resume ? await readCheckpoint(checkpointPath) : undefined;
  if (checkpoint && JSON.stringify(checkpoint.recipe) !== JSON.stringify(recipe)) {
    throw new Error(`${checkpointPath} was made with another recipe.`);
  }
  const log = await RunLog.open(join(directory, 'log.jsonl'), checkpoint?.step ?? 0);
  const trainer = new Trainer(recipe, dataset, statistics, checkpoint);
  try {
    while (trainer.step < recipe.steps) {
      const started = performance.now();
      const report = await trainer.takeStep();
      await log.write({ ...report, seconds: (performance.now() - started) / 1000 });
      onStep?.(report);
      const stopping = signal?.aborted === true;
      if (stopping || trainer.step % checkpointEvery === 0 || trainer.step === recipe.steps) {
        await writeCheckpoint(checkpointPath, await trainer.checkpoint());
      }
      signal?.throwIfAborted();
    }
    return await trainer.parameters();
  } finally {
    trainer.dispose();
  }
}
