import { parseArgs } from 'node:util';
import { measureEvaluation, renderEvaluation } from './evaluation-report.ts';
import { renderScale, simulateScale } from './scale.ts';

const USAGE = `Usage: npm run bench -- <bench> [options]

  evaluation   Ranking at Market-1501's size in workerd and in Node, against tfjs's bare product and against
               sorting; growth with the sizes; a gallery of a million. Some minutes.
  scale        Evaluation jobs up to ten million vectors and a thousand isolates, simulated: the service's plan,
               ledger and watchdog, with latency, lost messages and crashes. Some minutes.

  --small      Of scale, leave out what has ten million vectors.
  --seed <n>   Of scale, the seed of all that happens by chance (default 1).
  --json       Print JSON in place of the table.
`;

const note = (line: string): void => console.error(`  ${line}`);

const benches: Readonly<
  Record<string, (options: { small: boolean; seed: number; json: boolean }) => Promise<string>>
> = {
  evaluation: async ({ json }) => {
    const report = await measureEvaluation(note);
    return json ? JSON.stringify(report) : `\n${renderEvaluation(report)}`;
  },
  scale: async ({ small, seed, json }) => {
    const outcomes = await simulateScale(small ? 'small' : 'all', seed, note);
    return json ? JSON.stringify(outcomes) : `\n${renderScale(outcomes)}`;
  },
};

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      small: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [name = ''] = positionals;
  if (positionals.length !== 1 || !Object.hasOwn(benches, name) || !/^\d{1,9}$/.test(values.seed)) {
    console.error(USAGE);
    return 2;
  }
  console.log(await benches[name]({ ...values, seed: Number(values.seed) }));
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const { message, cause } = error as Error;
  console.error(cause instanceof Error ? `${message}: ${cause.message}` : message);
  process.exitCode = 1;
}
