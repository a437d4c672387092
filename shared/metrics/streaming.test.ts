import { describe, expect, test } from 'vitest';
import { makeBlock, syntheticSet } from '../../test/bench/embeddings.ts';
import { kernel } from '../../test/kernel.ts';
import { liveBytes } from '../../test/live-bytes.ts';
import { createRandom } from '../random.ts';
import { scoreQuery } from './average-precision.ts';
import { countPairs } from './count-pairs.ts';
import { bindSets, rankPart, type SetRule } from './evaluate-sets.ts';
import { Kernels } from './kernel/kernels.ts';
import { PairDistances } from './pair-distances.ts';
import type { Labels } from './protocols.ts';
import { readDistances } from './read-distances.ts';
import { BootstrapColumns } from './report.ts';
import { QueryScores } from './scores.ts';
import { SetSummary } from './set-summary.ts';

const rule: SetRule = { protocol: 'market1501', distance: 'cosine', draws: { repeats: 1, seed: 0 } };
const QUERIES = 16;
const MATCHES = 20;
const DIMENSION = 8;
const ROWS_PER_BLOCK = 4096;
/** How often memory is looked at in one reading of the gallery. */
const LOOKS = 4;

/** As many matches of every query wherever they lie, one item that is left out for each, and others. */
function labelsOf(count: number): Labels {
  const identities = Int32Array.from({ length: count }, (_, item) => 1_000_000 + item);
  const spacing = Math.floor(count / (QUERIES * (MATCHES + 1)));
  for (let i = 0; i < QUERIES * (MATCHES + 1); i++) identities[i * spacing] = 1 + (i % QUERIES);
  const cameras = new Int32Array(count).fill(2);
  for (let query = 0; query < QUERIES; query++) cameras[query * spacing] = 1;
  return { identities, cameras };
}

/** The most that a whole evaluation holds at once beside the gallery's labels; the gallery is made as it streams. */
async function peakOf(count: number): Promise<{ peak: number; reads: number; matches: number }> {
  const labels = labelsOf(count);
  const queryLabels = {
    identities: Int32Array.from({ length: QUERIES }, (_, query) => 1 + query),
    cameras: new Int32Array(QUERIES).fill(1),
  };
  const queries = makeBlock(syntheticSet(1, QUERIES, DIMENSION, 'random', QUERIES), 0, QUERIES);
  const made = syntheticSet(2, count, DIMENSION, 'random', QUERIES);
  const lookEvery = Math.ceil(count / ROWS_PER_BLOCK / LOOKS);
  let reads = 0;
  let peak = 0;
  const before = liveBytes();
  const gallery = {
    labels,
    count,
    rowsPerBlock: ROWS_PER_BLOCK,
    read(block: number) {
      const start = block * ROWS_PER_BLOCK;
      const rows = makeBlock(made, start, Math.min(ROWS_PER_BLOCK, count - start));
      if (++reads % lookEvery === 0) peak = Math.max(peak, liveBytes() - before);
      return rows;
    },
  };
  const bound = bindSets(rule, queryLabels, labels);
  const kernels = new Kernels(kernel);
  const part = await rankPart(kernels, rule, bound, queries, gallery, { topK: 10 });
  const pairs = new PairDistances('cosine', 2);
  const images = readDistances(kernels.distances, 'cosine', queries, gallery);
  await countPairs(pairs, bound.protocol, queries, images);
  const summary = new SetSummary(rule);
  summary.add(part);
  peak = Math.max(peak, liveBytes() - before);
  expect(summary.result(QUERIES).validQueries).toBe(QUERIES);
  return { peak, reads, matches: pairs.verification().matchingPairs };
}

test('a whole evaluation holds as much of a gallery of 1,000,000 items as of one of 100,000', async () => {
  // Once for nothing: code is compiled while it runs.
  await peakOf(20_000);
  const small = await peakOf(100_000);
  const large = await peakOf(1_000_000);
  // Matches are located, counted, listed and verified: four readings, of which the first leaves out some blocks.
  expect(large.matches).toBe(QUERIES * MATCHES);
  expect(large.reads).toBeGreaterThan(3 * Math.ceil(1_000_000 / ROWS_PER_BLOCK));
  expect(small.matches).toBe(large.matches);
  expect(small.peak).toBeGreaterThan(2 ** 20);
  // A byte an item would be 900,000.
  expect(Math.abs(large.peak - small.peak)).toBeLessThan(2 ** 18);
}, 120_000);

describe('what is kept of queries when their shards are summed up', () => {
  const COUNT = 500_000;
  const PER_SHARD = 500;

  function* shards(count: number): Generator<QueryScores> {
    const random = createRandom(1);
    for (let start = 0; start < count; start += PER_SHARD) {
      const part = new QueryScores(start, PER_SHARD);
      for (let q = 0; q < PER_SHARD; q++) part.set(q, scoreQuery([1 + random.integer(9), 10]), 100);
      yield QueryScores.decode(part.encode());
    }
  }

  test.each([
    ['nothing', 0],
    ['17 bytes of each that a bootstrap draws from', 17 * COUNT],
  ])('%s', (_, expected) => {
    const take = (count: number) => {
      const summary = new SetSummary(rule);
      const columns = expected > 0 ? new BootstrapColumns(count) : undefined;
      for (const scores of shards(count)) {
        summary.add({ scores });
        columns?.add(scores);
      }
      return { summary, columns };
    };
    take(PER_SHARD);
    const before = liveBytes();
    const { summary, columns } = take(COUNT);
    const held = liveBytes() - before;
    expect(summary.result(COUNT).validQueries).toBe(COUNT);
    expect(columns === undefined).toBe(expected === 0);
    expect(Math.abs(held - expected)).toBeLessThan(2 ** 18);
  });
});
