import { relative } from 'node:path';
import type { EvaluationResult } from '@softmargin/shared/metrics/summary.ts';
import type { ImageDataset } from '../datasets/dataset.ts';

/** What the demo prints at its end. */
export function renderSummary({
  result,
  local,
  query,
  gallery,
  output,
}: {
  readonly result: EvaluationResult;
  readonly local: EvaluationResult;
  readonly query: ImageDataset;
  readonly gallery: ImageDataset;
  readonly output: string;
}): string {
  const percent = (value: number | null) =>
    (value === null ? '–' : `${(100 * value).toFixed(2)} %`).padStart(9);
  const rows: [string, string][] = [
    ['mAP', percent(result.mAP)],
    ['CMC-1', percent(result.cmc[1])],
    ['CMC-5', percent(result.cmc[5])],
    ['CMC-10', percent(result.cmc[10])],
    ['mINP', percent(result.mINP)],
  ];
  const same = JSON.stringify(local) === JSON.stringify(result);
  const path = (file: string) => relative('.', `${output}/${file}`);
  return [
    '',
    `  ${query.count} queries against ${gallery.count} gallery digits, none of them trained on`,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(8)}${value}`),
    '',
    `  ${result.validQueries} queries valid, ${result.skippedQueries} skipped`,
    same
      ? '  The same evaluation in Node gives the same bits.'
      : `  The same evaluation in Node DIFFERS: mAP ${local.mAP}, the job has ${result.mAP}.`,
    '',
    `  Look at  ${path('report.html')}`,
    `  Numbers  ${path('result.json')}`,
    '',
  ].join('\n');
}
