import { bindSets } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { RuleError } from '@softmargin/shared/metrics/exclusion-rule.ts';
import { reRankingBytes } from '@softmargin/shared/metrics/re-ranking.ts';
import { TrackError } from '@softmargin/shared/metrics/tracks.ts';
import { MAX_DRAWS, MAX_RE_RANKING_BYTES, MAX_SHARDS, MAX_TILE_ROWS, RE_RANKING_QUERIES } from '../limits.ts';
import type { ObjectStore } from '../owners.ts';
import { SetContent } from '../sets/content.ts';
import type { EvaluationOrder } from './order.ts';
import type { Engine, StagePlan } from './stages/stage.ts';
import { type StageName, stageNames, stages } from './stages/stages.ts';

/** A stage of an evaluation, planned. */
export interface PlannedStage extends Omit<StagePlan, 'engine'> {
  readonly stage: StageName;
  /** What multiplies: a network's work is not counted. */
  readonly engine: Engine | 'network';
}

/** What an evaluation takes, before it runs. */
export interface Plan {
  /** In the order in which they run. */
  readonly stages: readonly PlannedStage[];
  readonly shards: number;
  readonly multiplyAdds: number;
  /** Of the sets' embeddings, by all shards together, at most. */
  readonly bytesRead: number;
}

/** Why an evaluation cannot be planned, in words for its caller. */
export interface PlanProblem {
  readonly message: string;
  readonly param: 'query' | 'gallery' | 'protocol' | 'rerank' | 'bootstrap';
  readonly code: string;
}

/** An evaluation that is beyond a limit. */
export class PlanError extends Error implements PlanProblem {
  override readonly name = 'PlanError';
  readonly param: PlanProblem['param'];
  readonly code: string;

  constructor(param: PlanProblem['param'], code: string, message: string) {
    super(message);
    this.param = param;
    this.code = code;
  }
}

/** What an error says of an evaluation that cannot be planned; `undefined` for any other error. */
export function planProblem(error: unknown): PlanProblem | undefined {
  if (error instanceof PlanError) {
    return { message: error.message, param: error.param, code: error.code };
  }
  if (error instanceof RuleError || error instanceof TrackError) {
    return { message: `protocol: ${error.message}`, param: 'protocol', code: 'protocol_does_not_fit' };
  }
  return undefined;
}

/**
 * Plans an evaluation from the labels of its sets.
 *
 * @param work multiply-adds of one shard, by engine. The result does not depend on it.
 * @throws {PlanError} where there would be too many shards.
 * @throws {RuleError | TrackError} where the protocol asks for groups and there are none, or no tracks.
 */
export async function planEvaluation(
  store: ObjectStore,
  order: EvaluationOrder,
  work: Readonly<Record<Engine, number>>,
): Promise<Plan> {
  const query = await SetContent.open(store, order.query);
  const gallery = await SetContent.open(store, order.gallery);
  const { dimension } = query.index;
  checkMemory(order, query.index, gallery.index);
  const [queryLabels, galleryLabels] = [await query.labels(), await gallery.labels()];
  const subject = { order, queryLabels, galleryLabels, dimension, work };
  // What a protocol asks of the labels is looked for here, and not by the first shard.
  bindSets(order, queryLabels, galleryLabels);
  const planned: PlannedStage[] = [];
  for (const stage of stageNames) {
    const plan = stages[stage].plan(subject);
    if (plan !== undefined) planned.push({ stage, ...plan });
  }
  const shards = planned.reduce((sum, stage) => sum + stage.shards.length, 0);
  if (shards > MAX_SHARDS) {
    throw new PlanError(
      'query',
      'evaluation_too_large',
      `${query.index.count} queries × ${gallery.index.count} gallery items × ${dimension} dimensions are ${shards} shards (${planned.map((stage) => `${stage.shards.length} for ${stage.stage}`).join(', ')}); one evaluation may have ${MAX_SHARDS}.`,
    );
  }
  const bytes = (count: number) => Float32Array.BYTES_PER_ELEMENT * dimension * count;
  return {
    stages: planned,
    shards,
    multiplyAdds: sumOf(planned, ({ shards: each, workPerItem }) => {
      return workPerItem * each.reduce((sum, { count }) => sum + count, 0);
    }),
    bytesRead: sumOf(planned, ({ shards: each, reads }) => {
      return (
        each.length * (reads.query * bytes(query.index.count) + reads.gallery * bytes(gallery.index.count))
      );
    }),
  };
}

/** @throws {PlanError} where one isolate could not hold what a step of the evaluation needs at once. */
function checkMemory(
  { rerank, bootstrap }: EvaluationOrder,
  query: { readonly count: number; readonly dimension: number },
  gallery: { readonly count: number },
): void {
  if (bootstrap !== undefined && bootstrap.resamples * query.count > MAX_DRAWS) {
    throw new PlanError(
      'bootstrap',
      'bootstrap_too_large',
      `bootstrap: ${bootstrap.resamples} resamples of ${query.count} queries are ${bootstrap.resamples * query.count} draws; the limit is ${MAX_DRAWS}.`,
    );
  }
  if (rerank === undefined) return;
  const tile = { queries: RE_RANKING_QUERIES, items: MAX_TILE_ROWS };
  const needed = reRankingBytes(query.count, gallery.count, query.dimension, rerank, tile);
  if (needed > MAX_RE_RANKING_BYTES) {
    throw new PlanError(
      'rerank',
      're_ranking_too_large',
      `rerank: ${query.count} queries and ${gallery.count} gallery items of ${query.dimension} dimensions (k1 = ${rerank.k1}, k2 = ${rerank.k2}) need ${needed} bytes of memory in one isolate; the limit is ${MAX_RE_RANKING_BYTES} bytes.`,
    );
  }
}

function sumOf(planned: readonly PlannedStage[], value: (stage: PlannedStage) => number): number {
  return planned.reduce((sum, stage) => sum + value(stage), 0);
}
