import { writeFile } from 'node:fs/promises';
import { evaluateSets, type SetEvaluation, type SetRule } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { queryRecords } from '@softmargin/shared/metrics/per-query.ts';
import { type QueryEntry, queryEntry } from '@softmargin/shared/metrics/query-entry.ts';
import { reRank } from '@softmargin/shared/metrics/re-ranking.ts';
import { type EvaluationReport, rankingReport } from '@softmargin/shared/metrics/report.ts';
import { verifySets } from '@softmargin/shared/metrics/verify-sets.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { Command } from 'commander';
import { loadKernel } from '../evaluation/kernel.ts';
import { writePerQueryCsv } from '../evaluation/per-query-csv.ts';
import { readSet } from '../evaluation/read-set.ts';
import { renderReport } from '../evaluation/report.ts';
import { withProgress } from '../terminal/progress.ts';
import { wholeNumber } from './arguments.ts';
import {
  addRankingOptions,
  bootstrapOf,
  checkMap,
  protocolOf,
  type RankingOptions,
} from './ranking-options.ts';

interface EvaluateOptions extends RankingOptions {
  readonly query: string;
  readonly gallery: string;
  readonly queryLabels?: string;
  readonly galleryLabels?: string;
  readonly rerankMemory: number;
  readonly perQuery?: string;
  readonly json?: true;
}

/** `softmargin evaluate`: the evaluation that a job runs, on this machine, to the same bits. */
export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('Rank a query set against a gallery set: mAP, CMC, mINP and more.')
    .requiredOption(
      '--query <file>',
      'features, identities and cameras of the queries: .npz, .safetensors, .jsonl, .json, or .npy with a .csv',
    )
    .requiredOption('--gallery <file>', 'the same of the gallery')
    .option('--query-labels <file.csv>', 'labels of a .npy (default: the .csv beside it)')
    .option('--gallery-labels <file.csv>', 'the same of the gallery')
    .option('--rerank-memory <MiB>', 'the most re-ranking may take beside the sets', wholeNumber(1), 2048)
    .option('--per-query <file.csv>', "write every query's AP and first match, for softmargin compare")
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  softmargin evaluate --query query.npz --gallery gallery.npz --protocol market1501
  softmargin evaluate --query q.npz --gallery g.npz --rerank --fail-under-map 0.8 --json`,
    )
    .action(run);
  return addRankingOptions(command);
}

async function run(options: EvaluateOptions): Promise<void> {
  const queries = await readSet(options.query, 'query', options.queryLabels);
  const gallery = await readSet(options.gallery, 'gallery', options.galleryLabels);
  const rule: SetRule = {
    protocol: await protocolOf(options),
    distance: options.distance,
    draws: { repeats: options.repeats, seed: options.seed },
  };
  const bootstrap = bootstrapOf(options);

  // First of all, as it may refuse.
  const reranked = options.rerank && (await reRanked(options, rule, bootstrap, queries, gallery));
  const ranked = await withProgress('Rank', (progress) =>
    evaluateSets(loadKernel(), rule, queries, gallery, { topK: options.topK, progress }),
  );
  const report: EvaluationReport = {
    protocol: rule.protocol,
    distance: rule.distance,
    ...(rule.protocol === 'cuhk03-classic' && { draws: rule.draws }),
    ...rankingReport(ranked, rule, bootstrap),
    ...(options.verification && {
      verification: await withProgress('Count pairs', (progress) =>
        verifySets(loadKernel(), rule, queries, gallery, progress),
      ),
    }),
    ...(reranked && { reranked }),
    ...(options.topK !== undefined && { queries: listQueries(ranked, queries) }),
  };

  if (options.perQuery !== undefined) {
    await writeFile(options.perQuery, writePerQueryCsv(queryRecords(ranked.scores, queries)));
  }
  console.log(options.json ? JSON.stringify(report) : renderReport(report));
  checkMap(report.mAP, options);
}

function listQueries({ scores, nearest }: SetEvaluation, queries: EmbeddingSet): QueryEntry[] {
  return scores.flatMap((part, i) =>
    queryRecords([part], queries).map((record) => queryEntry(record, nearest[i])),
  );
}

async function reRanked(
  { k1, k2, lambda, rerankMemory }: EvaluateOptions,
  rule: SetRule,
  bootstrap: Parameters<typeof rankingReport>[2],
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
): Promise<NonNullable<EvaluationReport['reranked']>> {
  const options = { k1, k2, lambda };
  const distances = await withProgress('Find neighbours', (progress) =>
    reRank(loadKernel(), queries, gallery, rule.distance, options, rerankMemory * 2 ** 20, progress),
  );
  const evaluation = await withProgress('Re-rank', (progress) =>
    evaluateSets(loadKernel(), rule, queries, gallery, { distances, progress }),
  );
  return { ...options, ...rankingReport(evaluation, rule, bootstrap) };
}
