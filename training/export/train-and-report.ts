import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import { type BackendChoice, chooseBackend } from '../backend/choose-backend.ts';
import { loadDataset } from '../datasets/datasets.ts';
import { type RunSettings, writeRunSettings } from '../loop/run-settings.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { ProgressBars } from '../terminal/progress.ts';
import { TrainingProgress } from '../terminal/training-progress.ts';
import { type FinishedRun, trainToBundle } from './train-to-bundle.ts';

export interface ReportedRun {
  readonly recipe: Recipe;
  /** Takes all that is written. */
  readonly directory: string;
  readonly settings: RunSettings;
  readonly backend: BackendChoice;
  /** Makes the parameters that the network starts from, where they are given. */
  readonly pretrained?: () => ReadonlyMap<string, BundleTensor>;
  readonly resume: boolean;
  readonly loadingThreads?: number | undefined;
  /** Whether the result is printed as one JSON object. */
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** A training run as the command line shows it: progress on standard error, what it left behind on standard output. */
export async function trainAndReport(run: ReportedRun): Promise<void> {
  const { recipe, directory, settings, resume, loadingThreads, json, signal } = run;
  const { name, data, bundle: bundlePath, checkpointEvery } = settings;
  const backend = await chooseBackend(run.backend);
  console.error(`  Computing by ${backend.description}`);
  const split = await loadDataset(recipe.dataset, data ?? undefined, (note) => console.error(`  ${note}`));
  for (const warning of split.warnings) console.error(`  Warning: ${warning}`);
  if (recipe.validation !== null && split.validation === undefined) {
    console.error(`  Warning: ${split.name} has nothing to validate on: the last weights will be kept.`);
  }
  const pretrained = run.pretrained?.();
  await mkdir(directory, { recursive: true });
  await writeRunSettings(directory, {
    ...settings,
    data: data === null ? null : resolve(data),
    bundle: resolve(bundlePath),
  });
  const bars = new ProgressBars();
  const progress = new TrainingProgress(bars, `Train ${name}`, recipe.steps);
  try {
    const finished = await trainToBundle({
      name,
      recipe,
      split,
      backend: backend.description,
      ...(pretrained && { pretrained }),
      directory,
      bundlePath,
      resume,
      checkpointEvery,
      ...(loadingThreads !== undefined && { loadingThreads }),
      onStep: (line) => progress.step(line),
      onValidation: (line, best) => progress.validation(line, best),
      onBroken: (path, reason) => console.error(`  Left out: ${path}: ${reason}`),
      signal,
    });
    bars.stop();
    console.log(json ? JSON.stringify(finished) : render(finished));
  } catch (error) {
    bars.stop();
    if (signal.aborted) {
      console.error(`\nThe checkpoint is in ${directory}; go on with: softmargin resume ${directory}`);
    }
    throw error;
  }
}

function render({ bundle, report, sha256, scores, step, steps }: FinishedRun): string {
  const percents = Object.entries(scores).map(([score, value]) => `${score} ${(100 * value).toFixed(2)} %`);
  return [
    `${bundle}: SHA-256 ${sha256.slice(0, 12)}…, the weights of step ${step} of ${steps}`,
    ...(percents.length > 0 ? [`Held out: ${percents.join(', ')}`] : []),
    `Report: ${report}`,
  ].join('\n');
}
