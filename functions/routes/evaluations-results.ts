import type { EvaluationResult } from '@softmargin/shared/metrics/summary.ts';
import type { Context, Hono } from 'hono';
import { cmcChart } from '../charts/cmc.ts';
import type { AppTypes } from '../environment.ts';
import { ApiError } from '../errors.ts';
import { type EvaluationRow, findEvaluation, ruleOf } from '../evaluation/catalogue.ts';
import { describeEvaluation } from '../evaluation/description.ts';
import { eventStream } from '../evaluation/events.ts';
import { protocolName } from '../evaluation/order.ts';
import { queryTable } from '../evaluation/query-table.ts';
import { currentObject, evaluationOf, ownerOf } from './evaluations.ts';
import { addRoute } from './route.ts';

/** What an evaluation yields beside its object: events while it runs, and its result as a table and a figure. */
export function addEvaluationResultRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/evaluations/:id/events', { GET: events });
  addRoute(app, '/v1/evaluations/:id/queries.csv', { GET: queries });
  addRoute(app, '/v1/evaluations/:id/cmc.svg', { GET: cmc });
}

async function events(context: Context<AppTypes>): Promise<Response> {
  const { env } = context;
  const { id } = await evaluationOf(context);
  const stream = eventStream(
    async (seen, patience) => ownerOf(env, id).change(seen, patience),
    async (progress) => {
      const row = await findEvaluation(env, id);
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
  const { env } = context;
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

async function cmc(context: Context<AppTypes>): Promise<Response> {
  const { row, result } = await succeeded(context);
  const subtitle = `${row.query_set} (${row.query_count}) against ${row.gallery_set} (${row.gallery_count}), ${protocolName(ruleOf(row).protocol)}, ${row.distance}`;
  return new Response(cmcChart(result.cmc, subtitle), {
    headers: {
      'Content-Type': 'image/svg+xml; charset=utf-8',
      // A figure that is opened on its own runs nothing and fetches nothing.
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
    },
  });
}

/** An evaluation that has a result. @throws {ApiError} 409 where it has none, or none yet. */
async function succeeded(
  context: Context<AppTypes>,
): Promise<{ row: EvaluationRow; result: EvaluationResult }> {
  const row = await evaluationOf(context);
  const current = await currentObject(context.env, row);
  if (current.state === 'succeeded' && 'result' in current) {
    return { row, result: current.result as EvaluationResult };
  }
  throw new ApiError(409, {
    message: `The evaluation "${row.id}" has no result: it is ${current.state}.`,
    param: 'id',
    code: 'evaluation_without_result',
  });
}
