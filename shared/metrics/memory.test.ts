import { describe, expect, test } from 'vitest';
import { makeBlock, syntheticSet } from '../../test/bench/embeddings.ts';
import { kernel } from '../../test/kernel.ts';
import { type CountedRun, locatedCounts, peakBytes } from '../../test/peak-bytes.ts';
import { rankShard } from './evaluate.ts';
import { RankingKernel } from './kernel/kernel.ts';

const MB = 1e6;

function runOf(queryCount: number, galleryCount: number, dimension: number): CountedRun {
  const identities = Math.ceil(galleryCount / 21);
  const queries = syntheticSet(1, queryCount, dimension, 'random', identities);
  return {
    protocol: 'market1501',
    // The numbers do not matter: what is allocated does not depend on them.
    queries: {
      start: 0,
      count: queryCount,
      dimension,
      features: new Float32Array(queryCount * dimension),
    },
    queryLabels: queries.labels,
    gallery: {
      labels: syntheticSet(2, galleryCount, dimension, 'random', identities).labels,
      count: galleryCount,
      rowsPerBlock: Math.floor((2 * 1024 * 1024) / (4 * dimension)),
    },
  };
}

/** A kernel with the memory of a run: what `begin` and `setLists` reserve, nothing else does. */
function kernelFor(run: CountedRun): RankingKernel {
  const reserved = new RankingKernel(kernel);
  reserved.begin(run.queries, run.gallery.rowsPerBlock, 'cosine');
  const { located } = locatedCounts(run);
  const starts = new Int32Array(run.queries.count + 1).fill(located, 1);
  reserved.setLists({ starts, items: new Int32Array(located) });
  return reserved;
}

describe('the memory of a run, kernel and typed arrays', () => {
  test.each([
    [3_368, 15_913, 2048],
    [1_000, 1_000_000, 512],
  ])('is at most 96 MB at %i × %i × %i', (queries, gallery, dimension) => {
    const run = runOf(queries, gallery, dimension);
    const bytes = peakBytes(kernelFor(run), run);
    expect(bytes).toBeGreaterThan(4 * queries * dimension);
    expect(bytes).toBeLessThanOrEqual(96 * MB);
  });

  test('is what was reserved, after a whole gallery has streamed through', async () => {
    const run = runOf(40, 9_000, 512);
    const set = syntheticSet(2, 9_000, 512, 'random', 429);
    const used = new RankingKernel(kernel);
    let read = 0;
    await rankShard(
      used,
      { protocol: run.protocol, distance: 'cosine' },
      makeBlock(syntheticSet(1, 40, 512, 'random', 429), 0, 40),
      run.queryLabels,
      {
        ...run.gallery,
        read: (block) => {
          read++;
          const start = block * run.gallery.rowsPerBlock;
          return makeBlock(set, start, Math.min(run.gallery.rowsPerBlock, 9_000 - start));
        },
      },
    );
    expect(read).toBeGreaterThan(9);
    expect(used.bytes).toBe(kernelFor(run).bytes);
  });

  test('does not grow with the gallery, but for its labels', () => {
    const [small, large] = [runOf(100, 21_000, 512), runOf(100, 210_000, 512)];
    expect(kernelFor(large).bytes).toBe(kernelFor(small).bytes);
    const blocks = Math.ceil(210_000 / 1024) - Math.ceil(21_000 / 1024);
    expect(peakBytes(kernelFor(large), large) - peakBytes(kernelFor(small), small)).toBeLessThanOrEqual(
      2 * 4 * (210_000 - 21_000) + blocks + 4096,
    );
  });
});
