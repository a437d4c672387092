import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { Command, Option } from 'commander';
import { type BackendChoice, backendChoices, chooseBackend } from '../backend/choose-backend.ts';
import { exportRun } from '../export/export-run.ts';
import { replaceFile } from '../loop/replace-file.ts';
import { withProgress } from '../terminal/progress.ts';
import { printResult } from '../terminal/result.ts';

interface ExportOptions {
  readonly output: string;
  readonly data?: string;
  readonly weights: 'best' | 'last';
  readonly scores: boolean;
  readonly backend: BackendChoice;
  readonly json?: true;
}

/** `softmargin export`: a checkpoint to a bundle. */
export function exportCommand(signal: AbortSignal): Command {
  return new Command('export')
    .description('Make a bundle of the checkpoint of a training run, finished or not.')
    .argument('<run>', 'the output directory of softmargin train')
    .requiredOption('-o, --output <bundle>', 'the bundle to write')
    .option('--data <path>', "the data set's files, where they are elsewhere by now")
    .addOption(
      new Option('--weights <which>', 'those that validated best, if any did, or the last')
        .choices(['best', 'last'])
        .default('best'),
    )
    .option('--no-scores', 'leave out the scores of held-out pictures, which take time')
    .addOption(new Option('--backend <name>', 'what computes').choices(backendChoices).default('auto'))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Example:
  softmargin export out/train/mnist-wide -o digits.safetensors`,
    )
    .action(async (run: string, options: ExportOptions) => {
      const { output, data, weights, scores, backend } = options;
      const { description } = await chooseBackend(backend);
      console.error(`  Computing by ${description}`);
      const { bytes, step } = await withProgress('Embed held-out pictures', (onProgress) =>
        exportRun(run, {
          ...{ data, weights, scores, onProgress, signal },
          onNote: (note) => console.error(`  ${note}`),
        }),
      );
      await mkdir(dirname(output), { recursive: true });
      await replaceFile(output, bytes);
      const { manifest, sha256 } = await readBundle(bytes);
      printResult(
        options,
        { bundle: output, sha256, scores: manifest.scores, step },
        () => `${output}: SHA-256 ${sha256.slice(0, 12)}…, the weights of step ${step}`,
      );
    });
}
