import { parseArgs } from 'node:util';
import { type BackendChoice, backendChoices } from '../../training/backend/choose-backend.ts';
import { measureEvaluation, renderEvaluation } from './evaluation-report.ts';
import { renderTraining, reportTraining } from './training-report.ts';

const USAGE = `Usage: npm run bench -- <bench> [--json]

  evaluation   Ranking at Market-1501's size in workerd and in Node, against tfjs's bare product and against
               sorting; growth with the sizes; a gallery of a million. Some minutes.
  training     A training step of each network against tfjs's bare products of as many multiply-adds; on a
               graphics card, pictures a second for the backbones of re-identification too.

  --backend    Where training runs: ${backendChoices.join(', ')}. Default: auto.
  --peak       The card's peak in float32, in TFLOP/s: its share is printed.
  --json       Print one JSON object in place of the table.
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      backend: { type: 'string', default: 'auto' },
      peak: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const note = (line: string) => console.error(`  ${line}`);
  const print = <Report>(report: Report, render: (report: Report) => string) =>
    console.log(values.json ? JSON.stringify(report) : `\n${render(report)}`);
  const peak = values.peak === undefined ? undefined : Number(values.peak);
  const isKnown = (backendChoices as readonly string[]).includes(values.backend);
  if (positionals.length === 1 && isKnown && (peak === undefined || peak > 0)) {
    if (positionals[0] === 'evaluation') {
      print(await measureEvaluation(note), renderEvaluation);
      return 0;
    }
    if (positionals[0] === 'training') {
      print(await reportTraining(values.backend as BackendChoice, peak, note), renderTraining);
      return 0;
    }
  }
  console.error(USAGE);
  return 2;
}

try {
  process.exitCode = await main();
} catch (error) {
  const { message, cause } = error as Error;
  console.error(cause instanceof Error ? `${message}: ${cause.message}` : message);
  process.exitCode = 1;
}
