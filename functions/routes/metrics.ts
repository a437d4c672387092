import type { Hono } from 'hono';
import type { AppTypes, Bindings } from '../environment.ts';
import { ApiError } from '../errors.ts';
import { administersService } from '../keys/key.ts';
import { flush, readCounters } from '../observation/counters.ts';
import { addRoute, needs } from './route.ts';

const COUNTERS: Readonly<Record<string, readonly [type: string, help: string]>> = {
  softmargin_requests_total: ['counter', 'Requests answered, by route and status.'],
  softmargin_request_seconds: ['histogram', 'Time until an answer began.'],
};

/** Sums over the catalogue as it is, by metric. */
const GAUGES = {
  softmargin_sets: ['Stored sets.', 'SELECT COUNT(*) AS value FROM sets'],
  softmargin_stored_vectors: [
    'Rows of stored sets, of embeddings or pictures.',
    'SELECT COALESCE(SUM(count), 0) AS value FROM sets',
  ],
  softmargin_stored_bytes: [
    'Bytes of stored sets and models.',
    `SELECT (SELECT COALESCE(SUM(bytes), 0) FROM sets) + (SELECT COALESCE(SUM(bytes), 0) FROM models) AS value`,
  ],
  softmargin_unfinished_evaluations: [
    'Evaluations that are queued or running.',
    'SELECT COUNT(*) AS value FROM evaluations WHERE finished_at IS NULL',
  ],
} as const;

/** `GET /metrics`: what all isolates counted, as Prometheus reads it, for the administrator of the service. */
export function addMetricsRoute(app: Hono<AppTypes>): void {
  addRoute(app, '/metrics', {
    GET: needs('admin', async (context) => {
      if (!administersService(context.var.key)) {
        throw new ApiError(403, {
          message: 'Metrics are of all owners together; they are the administrator’s to read.',
          code: 'not_your_owner',
        });
      }
      // What this isolate has not passed on yet; of others, the last seconds are missing.
      await flush(context.env);
      const text = (await countersText(context.env)) + (await gaugesText(context.env));
      return context.body(text, 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' });
    }),
  });
}

async function countersText(bindings: Bindings): Promise<string> {
  const counters = await readCounters(bindings);
  return Object.entries(COUNTERS)
    .map(([family, [type, help]]) => {
      const lines = counters
        .filter(({ metric }) => metric.startsWith(family))
        .map(({ metric, labels, value }) => `${metric}{${labels}} ${value}\n`);
      return `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n${lines.join('')}`;
    })
    .join('');
}

async function gaugesText({ CATALOGUE }: Bindings): Promise<string> {
  const names = Object.entries(GAUGES);
  const found = await CATALOGUE.batch<{ value: number }>(
    names.map(([, [, query]]) => CATALOGUE.prepare(query)),
  );
  return names
    .map(([name, [help]], i) => {
      return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${found[i].results[0].value}\n`;
    })
    .join('');
}
