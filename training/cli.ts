#!/usr/bin/env node
import { Command } from 'commander';
import { demoCommand } from './commands/demo.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { trainCommand } from './commands/train.ts';

const REQUIRED_NODE = 24;

if (Number(process.versions.node.split('.')[0]) < REQUIRED_NODE) {
  console.error(
    `softmargin runs on Node ${REQUIRED_NODE} or later, this is ${process.version}. ` +
      'Node 24 comes with the install: run it through npm ("npm run train", "npx softmargin").',
  );
  process.exit(1);
}

/** Ctrl-C and a polite kill stop what is running; a second one does not wait for it. */
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => stopping.abort(new Error(`Stopped by ${name}.`)));
}

const program = new Command('softmargin')
  .description('Train image embeddings with the Soft Margin Loss and evaluate them.')
  .showHelpAfterError()
  .addCommand(trainCommand(stopping.signal))
  .addCommand(evaluateCommand())
  .addCommand(demoCommand(stopping.signal));

try {
  await program.parseAsync();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = stopping.signal.aborted ? 130 : 1;
}
