import { readFile } from 'node:fs/promises';
import {
  compareEvaluations,
  type PairedComparison,
  type PairedDifference,
} from '@softmargin/shared/metrics/paired-comparison.ts';
import type { QueryRecord } from '@softmargin/shared/metrics/per-query.ts';
import { Command } from 'commander';
import { readPerQueryCsv } from '../evaluation/per-query-csv.ts';
import { wholeNumber } from './arguments.ts';

const CONFIDENCE = 0.95;

/** `softmargin compare`: two evaluations of the same queries, query by query. */
export function compareCommand(): Command {
  return new Command('compare')
    .description('Compare two evaluations of the same queries: does B differ from A by more than noise?')
    .argument('<A.csv>', 'what softmargin evaluate --per-query wrote')
    .argument('<B.csv>', 'the same of another model')
    .option('--bootstrap <n>', 'resamples of the queries', wholeNumber(1000), 10_000)
    .option('--seed <n>', 'of the resamples', wholeNumber(0), 0)
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample:\n  softmargin compare a.csv b.csv')
    .action(async (a: string, b: string, { bootstrap, seed, json }) => {
      const options = { resamples: bootstrap, seed, confidence: CONFIDENCE };
      const comparison = compareEvaluations(await readRecords(a), await readRecords(b), options);
      console.log(json ? JSON.stringify({ ...options, ...comparison }) : render(comparison));
    });
}

async function readRecords(path: string): Promise<QueryRecord[]> {
  try {
    return readPerQueryCsv(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}

function render({ mAP, cmc1, validQueries, skippedQueries }: PairedComparison): string {
  const points = (value: number) => (100 * value).toFixed(2);
  const signed = (value: number) => (value > 0 ? '+' : '') + points(value);
  const row = (name: string, { a, b, difference, withinNoise }: PairedDifference) =>
    [
      name.padEnd(6),
      `${points(a)} %`.padStart(9),
      `${points(b)} %`.padStart(9),
      signed(difference.mean).padStart(8),
      `[${signed(difference.low)}, ${signed(difference.high)}]`.padStart(18),
      withinNoise ? '  within noise' : '  beyond noise',
    ].join('');
  const heading = ['', 'A', 'B', 'B − A', `${100 * CONFIDENCE} % interval`];
  return [
    heading.map((text, i) => text.padStart([6, 9, 9, 8, 18][i])).join(''),
    row('mAP', mAP),
    row('CMC-1', cmc1),
    `${validQueries} queries in both, ${skippedQueries} skipped in both`,
  ].join('\n');
}
