import { readFile, writeFile } from 'node:fs/promises';
import { blocksOf } from '@softmargin/shared/metrics/blocks.ts';
import { countPairs } from '@softmargin/shared/metrics/count-pairs.ts';
import { distanceNames } from '@softmargin/shared/metrics/distance.ts';
import {
  bindSets,
  evaluateSets,
  QUERIES_PER_SHARD,
  type SetEvaluation,
  type SetRule,
  setProtocols,
} from '@softmargin/shared/metrics/evaluate-sets.ts';
import { parseExclusionRule } from '@softmargin/shared/metrics/exclusion-rule.ts';
import {
  distanceRange,
  longestRow,
  PairDistances,
  type Verification,
} from '@softmargin/shared/metrics/pair-distances.ts';
import { queryRecords } from '@softmargin/shared/metrics/per-query.ts';
import { type QueryEntry, queryEntry } from '@softmargin/shared/metrics/query-entry.ts';
import { reRank } from '@softmargin/shared/metrics/re-ranking.ts';
import { reRankingDefaults } from '@softmargin/shared/metrics/re-ranking-options.ts';
import { gallerySource, readDistances } from '@softmargin/shared/metrics/read-distances.ts';
import { type EvaluationReport, rankingReport } from '@softmargin/shared/metrics/report.ts';
import { MAX_TOP_K } from '@softmargin/shared/metrics/top-lists.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { Command, Option } from 'commander';
import { loadKernel } from '../evaluation/kernel.ts';
import { writePerQueryCsv } from '../evaluation/per-query-csv.ts';
import { readSet } from '../evaluation/read-set.ts';
import { renderReport } from '../evaluation/report.ts';
import { withProgress } from '../terminal/progress.ts';
import { share, wholeNumber } from './arguments.ts';

/** What the process ends with where mAP is under `--fail-under-map`. */
const UNDER_MAP_EXIT_CODE = 3;

interface EvaluateOptions {
  readonly query: string;
  readonly gallery: string;
  readonly queryLabels?: string;
  readonly galleryLabels?: string;
  readonly protocol: Exclude<SetRule['protocol'], object>;
  readonly rule?: string;
  readonly distance: SetRule['distance'];
  readonly repeats: number;
  readonly seed: number;
  readonly bootstrap?: number;
  readonly verification?: true;
  readonly rerank?: true;
  readonly k1: number;
  readonly k2: number;
  readonly lambda: number;
  readonly rerankMemory: number;
  readonly perQuery?: string;
  readonly topK?: number;
  readonly failUnderMap?: number;
  readonly json?: true;
}

/** `softmargin evaluate`: the evaluation that a job runs, on this machine, to the same bits. */
export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('Rank a query set against a gallery set: mAP, CMC, mINP and more.')
    .requiredOption(
      '--query <file>',
      'features, identities and cameras of the queries: .npz, .safetensors, .jsonl, .json, or .npy with a .csv',
    )
    .requiredOption('--gallery <file>', 'the same of the gallery')
    .option('--query-labels <file.csv>', 'labels of a .npy (default: the .csv beside it)')
    .option('--gallery-labels <file.csv>', 'the same of the gallery')
    .addOption(new Option('--protocol <name>', 'what is ranked').choices([...setProtocols]).default('none'))
    .addOption(
      new Option('--rule <file.json>', 'an exclusion rule instead of a protocol').conflicts('protocol'),
    )
    .addOption(new Option('--distance <name>').choices([...distanceNames]).default('cosine'))
    .option('--repeats <n>', 'galleries drawn for each query by cuhk03-classic', wholeNumber(1), 10)
    .option('--seed <n>', 'of those draws and of the bootstrap', wholeNumber(0), 0)
    .option('--bootstrap <n>', 'resamples for 95 % intervals of mAP, mINP and CMC-1', wholeNumber(1000))
    .option('--verification', 'also TAR at FAR, ROC and the distance histogram, over all pairs')
    .option('--rerank', 'also re-rank by k-reciprocal neighbours')
    .option('--k1 <n>', 'neighbours of the re-ranking', wholeNumber(1), reRankingDefaults.k1)
    .option('--k2 <n>', 'neighbours of its query expansion', wholeNumber(1), reRankingDefaults.k2)
    .option('--lambda <share>', 'of the original distance in it', share, reRankingDefaults.lambda)
    .option('--rerank-memory <MiB>', 'the most it may take beside the sets', wholeNumber(1), 2048)
    .option('--per-query <file.csv>', "write every query's AP and first match, for softmargin compare")
    .option(
      '--top-k <n>',
      `with --json: also every query with the first n places of its list, up to ${MAX_TOP_K}`,
      wholeNumber(1, MAX_TOP_K),
    )
    .option(
      '--fail-under-map <share>',
      `exit with ${UNDER_MAP_EXIT_CODE} where mAP is under it (0 to 1)`,
      share,
    )
    .option('--json', 'print one JSON object')
    .action(run);
}

async function run(options: EvaluateOptions): Promise<void> {
  const queries = await readSet(options.query, 'query', options.queryLabels);
  const gallery = await readSet(options.gallery, 'gallery', options.galleryLabels);
  const rule: SetRule = {
    protocol: options.rule === undefined ? options.protocol : await readRule(options.rule),
    distance: options.distance,
    draws: { repeats: options.repeats, seed: options.seed },
  };
  const bootstrap =
    options.bootstrap === undefined
      ? undefined
      : { resamples: options.bootstrap, seed: options.seed, confidence: 0.95 };

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
    ...(options.verification && { verification: await verify(rule, queries, gallery) }),
    ...(reranked && { reranked }),
    ...(options.topK !== undefined && { queries: listQueries(ranked, queries) }),
  };

  if (options.perQuery !== undefined) {
    await writeFile(options.perQuery, writePerQueryCsv(queryRecords(ranked.scores, queries)));
  }
  console.log(options.json ? JSON.stringify(report) : renderReport(report));
  const { mAP } = report;
  if (options.failUnderMap !== undefined && (mAP === null || mAP < options.failUnderMap)) {
    console.error(`mAP is ${mAP ?? 'not defined: no query is valid'}, under ${options.failUnderMap}.`);
    process.exitCode = UNDER_MAP_EXIT_CODE;
  }
}

async function readRule(path: string): Promise<SetRule['protocol']> {
  try {
    return parseExclusionRule(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}

async function verify(rule: SetRule, queries: EmbeddingSet, gallery: EmbeddingSet): Promise<Verification> {
  const { protocol, read } = bindSets(rule, queries, gallery);
  const { distance } = rule;
  const source = gallerySource(gallery);
  const longestQuery = await longestRow(gallerySource(queries));
  const pairs = new PairDistances(distance, distanceRange(distance, longestQuery, await longestRow(source)));
  return withProgress('Count pairs', async (progress) => {
    for (const block of blocksOf(queries, QUERIES_PER_SHARD)) {
      await countPairs(pairs, protocol, block, read(readDistances(distance, block, source), block));
      progress(block.start + block.count, queries.count);
    }
    return pairs.verification();
  });
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
    reRank(queries, gallery, rule.distance, options, rerankMemory * 2 ** 20, progress),
  );
  const evaluation = await withProgress('Re-rank', (progress) =>
    evaluateSets(loadKernel(), rule, queries, gallery, { distances, progress }),
  );
  return { ...options, ...rankingReport(evaluation, rule, bootstrap) };
}
