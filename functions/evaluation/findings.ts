import { type RankedPart, summariseParts } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { PairDistances, type Verification } from '@softmargin/shared/metrics/pair-distances.ts';
import {
  type EvaluationFindings,
  type RankingReport,
  rankingReport,
} from '@softmargin/shared/metrics/report.ts';
import { QueryScores } from '@softmargin/shared/metrics/scores.ts';
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

function rankingOf(stage: StageName, order: EvaluationOrder, ledger: Ledger): RankingReport {
  const parts: RankedPart[] = [];
  let queries = 0;
  for (const { scores, hits } of ledger.parts(stage)) {
    const decoded = QueryScores.decode(scores);
    queries += decoded.count;
    parts.push({ scores: decoded, ...(hits !== undefined && { hits: decodeHits(hits) }) });
  }
  const result = summariseParts(setRuleOf(order), parts, queries);
  return rankingReport({ result, scores: parts.map(({ scores }) => scores) }, order, order.bootstrap);
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
