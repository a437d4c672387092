import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetSplit } from '../datasets/dataset.ts';
import { describe } from '../export/describe.ts';
import { readRunLog } from '../loop/run-log.ts';
import { LOG_FILE, train } from '../loop/train.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { ProgressBars } from '../terminal/progress.ts';
import { TrainingProgress } from '../terminal/training-progress.ts';
import type { Experiment, PlannedRun } from './experiment.ts';
import { renderExperiment } from './page.ts';
import { type RunResult, readResult, writeResult } from './results.ts';

export interface ExperimentSetup {
  readonly experiment: Experiment;
  /** All runs that the page is about. */
  readonly planned: readonly PlannedRun[];
  /** The share of them that this process trains, such as the first of two; the others are left to others. */
  readonly part: { readonly index: number; readonly of: number };
  /** Takes checkpoints, logs and results. */
  readonly directory: string;
  /** Takes the page and its figures. */
  readonly pages: string;
  /** Opens the data set of a recipe. */
  readonly open: (recipe: Recipe) => Promise<DatasetSplit>;
  readonly backend: string;
  /** Threads that prepare batches; the loader's default without it. */
  readonly loadingThreads?: number;
  readonly signal: AbortSignal;
}

/**
 * Trains what is not trained yet, run by run, and writes the page after each from what is finished by then. A run
 * that was interrupted goes on from its checkpoint.
 */
export async function runExperiment(setup: ExperimentSetup): Promise<void> {
  const { planned, part, directory } = setup;
  const mine = planned.filter((_, index) => index % part.of === part.index);
  const splits = new Map<string, Promise<DatasetSplit>>();
  for (const [index, run] of mine.entries()) {
    if ((await readResult(directory, run.name, run.recipe)) !== undefined) continue;
    const key = JSON.stringify(run.recipe.dataset);
    const split = splits.get(key) ?? setup.open(run.recipe);
    splits.set(key, split);
    const title = `${index + 1}/${mine.length} ${run.name}`;
    await writeResult(directory, await trainRun(setup, run, await split, title));
    await writePage(setup);
  }
  await writePage(setup);
}

async function trainRun(
  { experiment, directory, backend, loadingThreads, signal }: ExperimentSetup,
  { name, variant, recipe }: PlannedRun,
  split: DatasetSplit,
  title: string,
): Promise<RunResult> {
  const runDirectory = join(directory, 'runs', name);
  const manifest = describe(recipe.model, recipe, split);
  const bars = new ProgressBars();
  const progress = new TrainingProgress(bars, title, recipe.steps);
  try {
    const trained = await train({
      recipe,
      split,
      manifest,
      directory: runDirectory,
      resume: true,
      checkpointEvery: 100,
      ...(loadingThreads !== undefined && { loadingThreads }),
      onStep: (line) => progress.step(line),
      onValidation: (line, best) => progress.validation(line, best),
      signal,
    });
    const measures = await experiment.measure({
      recipe,
      split,
      manifest,
      trained,
      directory: runDirectory,
      signal,
    });
    const { steps } = await readRunLog(join(runDirectory, LOG_FILE));
    return {
      name,
      variant,
      recipe,
      backend,
      data: `${split.name}, ${split.description}`,
      trainImages: split.train.count,
      seconds: steps.reduce((sum, step) => sum + step.seconds, 0),
      ...measures,
    };
  } finally {
    bars.stop();
  }
}

async function writePage({ experiment, planned, directory, pages }: ExperimentSetup): Promise<void> {
  const found = await Promise.all(planned.map((run) => readResult(directory, run.name, run.recipe)));
  const results = found.filter((result) => result !== undefined);
  if (results.length === 0) return;
  const { markdown, figures } = renderExperiment(experiment, planned, results);
  const figureDirectory = join(pages, experiment.name);
  await mkdir(figureDirectory, { recursive: true });
  for (const [file, svg] of figures) await writeFile(join(figureDirectory, file), svg);
  await writeFile(join(pages, `${experiment.name}.md`), markdown);
}
