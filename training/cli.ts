import { Command } from 'commander';
import { compareCommand } from './commands/compare.ts';
import { demoCommand } from './commands/demo.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { experimentCommand } from './commands/experiment.ts';
import { importCommand } from './commands/import.ts';
import { summaryCommand } from './commands/summary.ts';
import { trainCommand } from './commands/train.ts';

/** Ctrl-C and a polite kill stop what is running; a second one does not wait for it. */
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => stopping.abort(new Error(`Stopped by ${name}.`)));
}

const program = new Command('softmargin')
  .description('Train image embeddings with the Soft Margin Loss and evaluate them.')
  .showHelpAfterError()
  .addCommand(trainCommand(stopping.signal))
  .addCommand(experimentCommand(stopping.signal))
  .addCommand(evaluateCommand())
  .addCommand(compareCommand())
  .addCommand(importCommand())
  .addCommand(summaryCommand())
  .addCommand(demoCommand(stopping.signal));

try {
  await program.parseAsync();
} catch (error) {
  // What is stopped half way fails in many ways; the reason is what matters.
  const cause: unknown = stopping.signal.aborted ? stopping.signal.reason : error;
  console.error(`\n${cause instanceof Error ? cause.message : String(cause)}`);
  process.exitCode = stopping.signal.aborted ? 130 : 1;
}
