import { parseArgs } from 'node:util';
import { measureEvaluation, renderEvaluation } from './evaluation-report.ts';

const USAGE = `Usage: npm run bench -- <bench> [--json]

  evaluation   Ranking at Market-1501's size in workerd and in Node, against tfjs's bare product and against
               sorting; growth with the sizes; a gallery of a million. Some minutes.

  --json       Print one JSON object in place of the table.
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (positionals.length !== 1 || positionals[0] !== 'evaluation') {
    console.error(USAGE);
    return 2;
  }
  const report = await measureEvaluation((line) => console.error(`  ${line}`));
  console.log(values.json ? JSON.stringify(report) : `\n${renderEvaluation(report)}`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const { message, cause } = error as Error;
  console.error(cause instanceof Error ? `${message}: ${cause.message}` : message);
  process.exitCode = 1;
}
