import { SoftmarginError } from '@softmargin/client';
import { CommanderError } from 'commander';
import { createProgram } from './program.ts';
import { EXIT_CODES, UsageError } from './terminal/exit-codes.ts';
import { withFileProblemInWords } from './terminal/file-problem.ts';

/** Ctrl-C and a polite kill stop what is running; a second one does not wait for it. */
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => stopping.abort(new Error(`Stopped by ${name}.`)));
}

try {
  const program = await createProgram(stopping.signal, process.argv[2]);
  await program.parseAsync();
} catch (error) {
  report(error);
}

/** Says what went wrong: in words on standard error and, for programs, as the one JSON object on standard output. */
function report(error: unknown): void {
  if (error instanceof CommanderError && error.exitCode === 0) return;
  const isUsage = error instanceof CommanderError || error instanceof UsageError;
  const { aborted } = stopping.signal;
  process.exitCode = aborted ? EXIT_CODES.interrupted : isUsage ? EXIT_CODES.usage : EXIT_CODES.failure;
  // What is stopped half way fails in many ways; the reason is what matters.
  const cause: unknown = aborted ? stopping.signal.reason : error;
  const message = withFileProblemInWords(cause instanceof Error ? cause.message : String(cause));
  // Of the command line itself, commander has said it.
  if (!(error instanceof CommanderError)) console.error(`error: ${message}`);
  if (!process.argv.includes('--json')) return;
  const { status, code, param } =
    cause instanceof SoftmarginError
      ? cause
      : { status: null, code: aborted ? 'interrupted' : isUsage ? 'usage' : null, param: null };
  console.log(JSON.stringify({ error: { message: message.replace(/^error: /, ''), status, code, param } }));
}
