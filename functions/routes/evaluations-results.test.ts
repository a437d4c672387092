import { createRandom } from '@softmargin/shared/random.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { fetchWorker, send } from '../test/client.ts';
import { withoutQueue } from '../test/evaluations.ts';
import { evaluationAtEnd, startEvaluation, uploadSet } from '../test/sets.ts';

const random = createRandom(21);
const query = randomSet(random, 1100, 6, quantised);
const gallery = randomSet(random, 300, 6, quantised);
// One identity that the gallery does not have.
query.identities[700] = 12345;

let path: string;
beforeAll(async () => {
  await uploadSet('q', query);
  await uploadSet('g', gallery);
  path = await startEvaluation({ query: 'q', gallery: 'g', protocol: 'none', distance: 'euclidean' });
  await evaluationAtEnd(path);
});

function fetchText(target: string): Promise<Response> {
  return fetchWorker(target);
}

/** Ranks of the correct matches of a query by sorting, computed with plain loops over unit rows. */
function ranksBySorting(q: number): number[] {
  const row = (set: typeof query, i: number) => Array.from(set.features.subarray(6 * i, 6 * i + 6));
  const distances = Array.from({ length: gallery.count }, (_, j) => {
    const other = row(gallery, j);
    return row(query, q).reduce((sum, value, k) => sum + (value - other[k]) ** 2, 0);
  });
  const order = distances.map((_, j) => j).sort((a, b) => distances[a] - distances[b] || a - b);
  return order.flatMap((j, i) => (gallery.identities[j] === query.identities[q] ? [i + 1] : []));
}

describe('queries.csv', () => {
  test('has every query, with what sorting gives, and its mean is the mAP to the last bit', async () => {
    const response = await fetchText(`${path}/queries.csv`);
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('text/csv; charset=utf-8');
    const [header, ...lines] = (await response.text()).trimEnd().split('\n');
    expect(header).toBe('query,identity,camera,averagePrecision,firstMatchRank,skipped');
    expect(lines).toHaveLength(1100);
    let sum = 0;
    let valid = 0;
    for (const [q, line] of lines.entries()) {
      const [number, identity, camera, precision, rank, skipped] = line.split(',');
      expect(Number(number)).toBe(q);
      expect(Number(identity)).toBe(query.identities[q]);
      expect(Number(camera)).toBe(query.cameras[q]);
      const ranks = ranksBySorting(q);
      expect(skipped).toBe(String(ranks.length === 0));
      if (ranks.length === 0) {
        expect([precision, rank]).toEqual(['', '']);
        continue;
      }
      expect(Number(rank)).toBe(ranks[0]);
      expect(Number(precision)).toBeCloseTo(ranks.reduce((s, r, i) => s + (i + 1) / r, 0) / ranks.length, 12);
      sum += Number(precision);
      valid++;
    }
    const { result } = (await send('GET', path)).body;
    expect(lines[700]).toBe(`700,12345,${query.cameras[700]},,,true`);
    expect(result.validQueries).toBe(valid);
    expect(sum / valid).toBe(result.mAP);
  });
});

describe('cmc.svg', () => {
  test('is the figure of the result', async () => {
    const response = await fetchText(`${path}/cmc.svg`);
    expect(response.headers.get('Content-Type')).toBe('image/svg+xml; charset=utf-8');
    const svg = await response.text();
    expect(svg).toContain('q (1100) against g (300), none, euclidean');
    const { result } = (await send('GET', path)).body;
    expect(svg).toContain(`>${(100 * result.cmc[5]).toFixed(1)}</text>`);
  });
});

test.each(['queries.csv', 'cmc.svg'])('%s of an evaluation without a result is 409', async (file) => {
  const { id } = await withoutQueue(query, gallery);
  const { status, body } = await send('GET', `/v1/evaluations/${id}/${file}`);
  expect(status).toBe(409);
  expect(body.error).toMatchObject({ param: 'id', code: 'evaluation_without_result' });
  expect((await send('GET', `/v1/evaluations/${crypto.randomUUID()}/${file}`)).status).toBe(404);
});

interface Event {
  readonly name: string | undefined;
  readonly data: { state: string; progress: { shards: { done: number; total: number } } };
}

/** The events of a stream, as an `EventSource` would take them apart. */
async function* eventsOf(response: Response): AsyncGenerator<Event> {
  let text = '';
  for await (const chunk of (response.body as ReadableStream<Uint8Array>).pipeThrough(
    new TextDecoderStream(),
  )) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = text
        .slice(0, end)
        .split('\n')
        .map((line) => line.split(/: (.*)/s));
      text = text.slice(end + 2);
      const field = (name: string) => fields.find(([key]) => key === name)?.[1];
      if (field('data') !== undefined)
        yield { name: field('event'), data: JSON.parse(field('data') as string) };
    }
  }
}

describe('events', () => {
  test('progress at every change, then the final object, then nothing', async () => {
    const { id, deliver } = await withoutQueue(query, gallery);
    const response = await fetchText(`/v1/evaluations/${id}/events`);
    expect(response.headers.get('Content-Type')).toBe('text/event-stream; charset=utf-8');
    const seen: Event[] = [];
    for await (const event of eventsOf(response)) {
      const shard = seen.push(event) - 1;
      if (shard < 3) await deliver(shard);
    }
    expect(seen.map(({ name }) => name)).toEqual(['progress', 'progress', 'progress', 'end']);
    expect(seen.map(({ data }) => data.progress.shards.done)).toEqual([0, 1, 2, 3]);
    expect(seen.map(({ data }) => data.state)).toEqual(['queued', 'running', 'running', 'succeeded']);
    expect(seen[3].data).toEqual((await send('GET', `/v1/evaluations/${id}`)).body);
  });

  test('of an evaluation that has ended, the end alone', async () => {
    const names: (string | undefined)[] = [];
    for await (const { name } of eventsOf(await fetchText(`${path}/events`))) names.push(name);
    expect(names).toEqual(['end']);
  });

  test('of one that is cancelled while it is watched', async () => {
    const { id } = await withoutQueue(query, gallery);
    const states: string[] = [];
    for await (const { data } of eventsOf(await fetchText(`/v1/evaluations/${id}/events`))) {
      states.push(data.state);
      if (data.state === 'queued') await send('POST', `/v1/evaluations/${id}/cancel`);
    }
    expect(states).toEqual(['queued', 'cancelled']);
  });
});
