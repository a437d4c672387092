import { waitUntil } from 'cloudflare:workers';
import type { Bindings } from '../environment.ts';
import { logError } from './log.ts';

type Catalogue = Pick<Bindings, 'CATALOGUE'>;

/**
 * What this isolate has counted and the catalogue does not have yet. An isolate sees a part of the requests and
 * may end at any time; so each adds what it counted to the sums in the catalogue, some seconds later and after its
 * answers are out. That is one write for all the requests of those seconds.
 */
const pending = new Map<string, number>();
let flushing = false;

const SEPARATOR = '\n';

/** Adds to a counter. @param labels as Prometheus writes them; their values are few and known. */
export function count(metric: string, labels: string, by = 1): void {
  const name = metric + SEPARATOR + labels;
  pending.set(name, (pending.get(name) ?? 0) + by);
}

/** Sees to it, within a request, that what is counted reaches the catalogue. */
export function flushLater(bindings: Catalogue, milliseconds: number): void {
  if (flushing) return;
  flushing = true;
  waitUntil(
    new Promise((resolve) => setTimeout(resolve, milliseconds))
      .then(() => {
        flushing = false;
        return flush(bindings);
      })
      .catch(logError),
  );
}

/** Adds what this isolate counted to the sums. Where that fails, it is kept for the next time. */
export async function flush({ CATALOGUE }: Catalogue): Promise<void> {
  if (pending.size === 0) return;
  const taken = [...pending].map(([name, value]) => [...name.split(SEPARATOR), value]);
  pending.clear();
  try {
    await CATALOGUE.prepare(
      `INSERT INTO counters (metric, labels, value)
         SELECT value ->> 0, value ->> 1, CAST(value ->> 2 AS REAL) FROM json_each(?) WHERE true
         ON CONFLICT (metric, labels) DO UPDATE SET value = value + excluded.value`,
    )
      .bind(JSON.stringify(taken))
      .run();
  } catch (error) {
    for (const [metric, labels, value] of taken) count(metric as string, labels as string, value as number);
    throw error;
  }
}

/** The sums of all isolates. */
export async function readCounters({
  CATALOGUE,
}: Catalogue): Promise<readonly { metric: string; labels: string; value: number }[]> {
  const { results } = await CATALOGUE.prepare(
    'SELECT metric, labels, value FROM counters ORDER BY metric, labels',
  ).all<{ metric: string; labels: string; value: number }>();
  return results;
}
