import { PairDistances, type Verification } from '@softmargin/shared/metrics/pair-distances.ts';
import {
  BootstrapColumns,
  type EvaluationFindings,
  type RankingReport,
} from '@softmargin/shared/metrics/report.ts';
import { QueryScores } from '@softmargin/shared/metrics/scores.ts';
import { SetSummary } from '@softmargin/shared/metrics/set-summary.ts';
import { decodeHits } from '@softmargin/shared/metrics/single-gallery-shot.ts';
import type { Ledger } from './ledger.ts';
import { type EvaluationOrder, setRuleOf } from './order.ts';
import type { StageName } from './stages/stages.ts';

/** What an evaluation whose shards are all done found: what the command line prints of the same sets. */
export function findingsOf(order: EvaluationOrder, ledger: Ledger): EvaluationFindings {
  const { verification, rerank } = order;
  return {
    ...rankingOf('ranking', order, ledger),
    ...(verification && { verification: verificationOf(ledger) }),
    ...(rerank !== undefined && { reranked: { ...rerank, ...rankingOf('re-ranking', order, ledger) } }),
  };
}

/** One shard after the other: of a single query only what a bootstrap needs is kept. */
function rankingOf(stage: StageName, order: EvaluationOrder, ledger: Ledger): RankingReport {
  const { bootstrap } = order;
  const queries = ledger.itemsOf(stage);
  const summary = new SetSummary(setRuleOf(order));
  const columns = bootstrap && new BootstrapColumns(queries);
  for (const { scores, hits } of ledger.parts(stage)) {
    const decoded = QueryScores.decode(scores);
    summary.add({ scores: decoded, ...(hits !== undefined && { hits: decodeHits(hits) }) });
    columns?.add(decoded);
  }
  const result = summary.result(queries);
  return bootstrap === undefined || columns === undefined
    ? result
    : { ...result, intervals: columns.intervals(order, bootstrap) };
}

/** The counts of all shards, one after the other: each may be 1 MiB. */
function verificationOf(ledger: Ledger): Verification {
  let total: PairDistances | undefined;
  for (const { pairs } of ledger.parts('pairs')) {
    const counted = PairDistances.decode(pairs);
    if (total === undefined) total = counted;
    else total.add(counted);
  }
  if (total === undefined) throw new RangeError('There are no counts of pairs.');
  return total.verification();
}
