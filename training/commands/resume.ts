import { join } from 'node:path';
import { Command, Option } from 'commander';
import { type BackendChoice, backendChoices } from '../backend/choose-backend.ts';
import { trainAndReport } from '../export/train-and-report.ts';
import { readCheckpoint } from '../loop/checkpoint.ts';
import { readRunSettings } from '../loop/run-settings.ts';
import { CHECKPOINT_FILE } from '../loop/train.ts';
import { wholeNumber } from './arguments.ts';

interface ResumeOptions {
  readonly data?: string;
  readonly backend: BackendChoice;
  readonly loadingThreads?: number;
  readonly json?: true;
}

/** `softmargin resume`: a training run that was stopped, from what it left in its directory. */
export function resumeCommand(signal: AbortSignal): Command {
  return new Command('resume')
    .description('Go on with a training run that was stopped, by its own checkpoint, to the same weights.')
    .argument('<run>', 'the output directory of softmargin train')
    .option('--data <path>', "the data set's files, where they are elsewhere by now")
    .addOption(new Option('--backend <name>', 'what computes').choices(backendChoices).default('auto'))
    .option('--loading-threads <n>', 'threads that prepare batches; 0 for none', wholeNumber(0))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  softmargin resume out/train/mnist-wide
  softmargin resume out/train/market1501 --data /elsewhere/Market-1501`,
    )
    .action(async (run: string, { data, backend, loadingThreads, json }: ResumeOptions) => {
      const { recipe } = await readCheckpoint(join(run, CHECKPOINT_FILE));
      const settings = await readRunSettings(run);
      await trainAndReport({
        recipe,
        directory: run,
        settings: { ...settings, data: data ?? settings.data },
        backend,
        resume: true,
        loadingThreads,
        json: json === true,
        signal,
      });
    });
}
