import type { Verification } from '@softmargin/shared/metrics/pair-distances.ts';
import {
  compareEvaluations,
  differenceInWords,
  PairingError,
} from '@softmargin/shared/metrics/paired-comparison.ts';
import type { QueryRecord } from '@softmargin/shared/metrics/per-query.ts';
import { type QueryEntry, queryEntry } from '@softmargin/shared/metrics/query-entry.ts';
import type { EvaluationFindings } from '@softmargin/shared/metrics/report.ts';
import { TopLists } from '@softmargin/shared/metrics/top-lists.ts';
import type { Context, Hono } from 'hono';
import * as z from 'zod';
import { cmcChart } from '../charts/cmc.ts';
import { histogramChart } from '../charts/histogram.ts';
import { rocChart } from '../charts/roc.ts';
import type { AppTypes } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import { type EvaluationRow, findOwnedEvaluation, ruleOf } from '../evaluation/catalogue.ts';
import { describeEvaluation } from '../evaluation/description.ts';
import { eventStream } from '../evaluation/events.ts';
import { protocolName } from '../evaluation/order.ts';
import { queryTable } from '../evaluation/query-table.ts';
import { decodeQueries } from '../evaluation/stages/ranking.ts';
import { MAX_COMPARED_QUERIES, MAX_DRAWS, MAX_QUERIES_PAGE, MAX_RESAMPLES } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import { currentObject, evaluationOf, ownerOf } from './evaluations.ts';
import { addRoute, needs } from './route.ts';

/** What an evaluation yields beside its object: events while it runs, and its result as a table and a figure. */
export function addEvaluationResultRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/evaluations/:id/events', { GET: needs('evaluate', events) });
  addRoute(app, '/v1/evaluations/:id/queries.csv', { GET: needs('evaluate', queries) });
  addRoute(app, '/v1/evaluations/:id/queries', { GET: needs('evaluate', queryPage) });
  addRoute(app, '/v1/evaluations/:id/comparison/:other', { GET: needs('evaluate', comparison) });
  addRoute(app, '/v1/evaluations/:id/cmc.svg', {
    GET: needs(
      'evaluate',
      figure(({ cmc }, subtitle) => cmcChart(cmc, subtitle)),
    ),
  });
  addRoute(app, '/v1/evaluations/:id/roc.svg', {
    GET: needs(
      'evaluate',
      figure((result, subtitle, id) => rocChart(verificationOf(result, id).roc, subtitle)),
    ),
  });
  addRoute(app, '/v1/evaluations/:id/histogram.svg', {
    GET: needs(
      'evaluate',
      figure((result, subtitle, id) => histogramChart(verificationOf(result, id), subtitle)),
    ),
  });
}

async function events(context: Context<AppTypes>): Promise<Response> {
  const { bindings: env } = context.var;
  const { id } = await evaluationOf(context);
  const stream = eventStream(
    async (seen, patience) => ownerOf(env, id).change(seen, patience),
    async (progress) => {
      const row = await findOwnedEvaluation(env, id);
      // Deleted while it was watched: there is nothing left to describe.
      if (row === null) return { ended: true, value: { id, object: 'evaluation', deleted: true } };
      const value = describeEvaluation(row, progress);
      return { ended: value.finishedAt !== null || value.state === 'failed', value };
    },
  );
  return new Response(stream, {
    headers: { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store' },
  });
}

async function queries(context: Context<AppTypes>): Promise<Response> {
  const { bindings: env } = context.var;
  const { row } = await succeeded(context);
  const owner = ownerOf(env, row.id);
  const table = queryTable(async (first, limit) => owner.queries(first, limit));
  return new Response(table, {
    headers: {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': `inline; filename="${row.id}-queries.csv"`,
    },
  });
}

export const queriesPageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_QUERIES_PAGE).default(100),
  after: z.coerce.number().int().min(0).optional(),
});

/** Some queries with their scores and, where they were kept, the first places of their lists. */
async function queryPage(context: Context<AppTypes>): Promise<Response> {
  const { limit, after } = parseRequest(queriesPageSchema, context.req.query());
  const { row } = await succeeded(context);
  const owner = ownerOf(context.var.bindings, row.id);
  const first = after === undefined ? 0 : after + 1;
  const data: QueryEntry[] = [];
  // One shard at a time: with long lists it is a megabyte.
  for (let shard = await owner.shardOf(first); data.length < limit; shard++) {
    const [parts] = await owner.queries(shard, 1);
    if (parts === undefined) break;
    const nearest = parts.nearest === undefined ? undefined : TopLists.decode(parts.nearest);
    const records = decodeQueries(parts).filter(({ query }) => query >= first);
    data.push(...records.slice(0, limit - data.length).map((record) => queryEntry(record, nearest)));
  }
  const last = data.at(-1)?.query ?? null;
  return context.json({
    object: 'list',
    data,
    hasMore: last !== null && last + 1 < row.query_count,
    lastQuery: last,
  });
}

export const comparisonSchema = z.strictObject({
  resamples: z.coerce.number().int().min(1000).max(MAX_RESAMPLES).default(1000),
  seed: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  confidence: z.coerce.number().min(0.5).max(0.999).default(0.95),
});

/** Two evaluations of the same queries, query by query: whether one is better by more than noise. */
async function comparison(context: Context<AppTypes>): Promise<Response> {
  const options = parseRequest(comparisonSchema, context.req.query());
  const a = await succeeded(context);
  const b = await succeeded(context, 'other');
  const queries = Math.max(a.row.query_count, b.row.query_count);
  const draws = queries * options.resamples;
  if (queries > MAX_COMPARED_QUERIES || draws > MAX_DRAWS) {
    throw new ApiError(422, {
      message: `${queries} queries and ${options.resamples} resamples are ${draws} draws; up to ${MAX_COMPARED_QUERIES} queries and ${MAX_DRAWS} draws are compared here. "softmargin compare" takes more, from two queries.csv.`,
      param: 'resamples',
      code: 'comparison_too_large',
    });
  }
  try {
    const [ofA, ofB] = [
      await recordsOf(context.var.bindings, a.row),
      await recordsOf(context.var.bindings, b.row),
    ];
    const compared = compareEvaluations(ofA, ofB, options);
    return context.json({
      object: 'evaluation.comparison',
      a: a.row.id,
      b: b.row.id,
      ...options,
      ...compared,
      summary: [
        differenceInWords('mAP', compared.mAP, options.confidence),
        differenceInWords('CMC-1', compared.cmc1, options.confidence),
      ],
    });
  } catch (error) {
    if (!(error instanceof PairingError)) throw error;
    throw new ApiError(422, { message: error.message, param: 'other', code: 'evaluations_do_not_pair' });
  }
}

async function recordsOf(bindings: OwnedBindings, { id }: EvaluationRow): Promise<QueryRecord[]> {
  const owner = ownerOf(bindings, id);
  const records: QueryRecord[] = [];
  for (let shard = 0; ; shard++) {
    const [parts] = await owner.queries(shard, 1);
    if (parts === undefined) return records;
    for (const { query, identity, camera, score } of decodeQueries(parts)) {
      const { averagePrecision, firstMatchRank } = score ?? {};
      // Only what is compared is kept: there may be many.
      const kept =
        averagePrecision === undefined || firstMatchRank === undefined
          ? undefined
          : { averagePrecision, firstMatchRank };
      records.push({ query, identity, camera, score: kept });
    }
  }
}

/** Draws a figure of a result. */
function figure(draw: (result: EvaluationFindings, subtitle: string, id: string) => string) {
  return async (context: Context<AppTypes>): Promise<Response> => {
    const { row, result } = await succeeded(context);
    const subtitle = `${row.query_set} (${row.query_count}) against ${row.gallery_set} (${row.gallery_count}), ${protocolName(ruleOf(row).protocol)}, ${row.distance}`;
    return new Response(draw(result, subtitle, row.id), {
      headers: {
        'Content-Type': 'image/svg+xml; charset=utf-8',
        // A figure that is opened on its own runs nothing and fetches nothing.
        'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
      },
    });
  };
}

function verificationOf({ verification }: EvaluationFindings, id: string): Verification {
  if (verification !== undefined) return verification;
  throw new ApiError(409, {
    message: `The evaluation "${id}" did not count pairs: it was asked for without "verification".`,
    param: 'id',
    code: 'evaluation_without_verification',
  });
}

/** An evaluation that has a result. @throws {ApiError} 409 where it has none, or none yet. */
async function succeeded(
  context: Context<AppTypes>,
  param: 'id' | 'other' = 'id',
): Promise<{ row: EvaluationRow; result: EvaluationFindings }> {
  const row = await evaluationOf(context, param);
  const current = await currentObject(context.var.bindings, row);
  if (current.state === 'succeeded' && 'result' in current) {
    return { row, result: current.result as EvaluationFindings };
  }
  throw new ApiError(409, {
    message: `The evaluation "${row.id}" has no result: it is ${current.state}.`,
    param,
    code: 'evaluation_without_result',
  });
}
