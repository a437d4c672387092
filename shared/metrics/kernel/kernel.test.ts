import { describe, expect, test } from 'vitest';
import { kernelBuilds } from '../../../test/kernel.ts';
import { countBothWays, kernelCases } from '../../../test/kernel-cases.ts';
import { blockOf, blocksOf } from '../blocks.ts';
import { RankingKernel } from './kernel.ts';

const builds = [
  ['relaxed SIMD', kernelBuilds.relaxedSimd()],
  ['SIMD', kernelBuilds.simd()],
] as const;

describe.each(builds)('%s', (_, module) => {
  test('counts what a comparison of single pairs counts', async () => {
    for (const each of kernelCases()) {
      const { counted, expected } = await countBothWays(module, each);
      const { queries, gallery, rowsPerBlock, distance } = each;
      expect(
        counted,
        `${queries.count} × ${gallery.count} × ${gallery.dimension} in blocks of ${rowsPerBlock}, ${distance}`,
      ).toEqual(expected);
    }
  });

  test('gives every score in rows, with the bits of those that are located', () => {
    for (const { queries, gallery, rowsPerBlock, distance } of kernelCases()) {
      const kernel = new RankingKernel(module);
      kernel.begin(blockOf(queries, 0, queries.count), rowsPerBlock, distance);
      for (const block of blocksOf(gallery, rowsPerBlock)) {
        kernel.setBlock(block, () => false);
        const rows: number[][] = Array.from({ length: queries.count }, () => []);
        kernel.eachRow(block, (query, item, scores) => {
          expect(item).toBe(block.start + rows[query].length);
          rows[query].push(...scores);
        });
        kernel.setLists({
          starts: Int32Array.from({ length: queries.count + 1 }, (_, query) => query * block.count),
          items: Int32Array.from(rows.flatMap((row) => row.map((_, j) => block.start + j))),
        });
        kernel.locate(block);
        expect(rows.flat()).toStrictEqual([...kernel.scores()]);
      }
    }
  });

  test('its memory is what its parts take, whatever ran before', () => {
    const kernel = new RankingKernel(module);
    expect(kernel.bytes).toBe(65_536);
    const set = { dimension: 512, features: new Float32Array(300 * 512) };
    kernel.begin(blockOf(set, 0, 300), 1024, 'cosine');
    // Staging and panels of 1024 × 512, tiles of 300 × 512; the rest is small.
    const parts = 2 * 4 * 1024 * 512 + 4 * 300 * 512;
    expect(kernel.bytes).toBeGreaterThan(parts);
    expect(kernel.bytes).toBeLessThan(parts + 2 * 65_536);

    const before = kernel.bytes;
    kernel.begin(blockOf(set, 0, 8), 16, 'cosine');
    kernel.begin(blockOf(set, 0, 300), 1024, 'cosine');
    expect(kernel.bytes).toBe(before);
    const length = 1_000_000;
    const starts = new Int32Array(301).fill(length, 1);
    kernel.setLists({ starts, items: new Int32Array(length) });
    expect(kernel.bytes).toBeLessThan(parts + 3 * 4 * length + 3 * 65_536);
  });

  test('refuses a block that does not fit', () => {
    const kernel = new RankingKernel(module);
    const set = { dimension: 2, features: new Float32Array(40) };
    kernel.begin(blockOf(set, 0, 5), 8, 'cosine');
    expect(() => kernel.setBlock(blockOf(set, 0, 9), () => false)).toThrow(
      'A gallery block of 9 rows has 18 numbers; up to 8 rows of 2 are expected.',
    );
    expect(() =>
      kernel.setBlock({ start: 0, count: 1, dimension: 3, features: new Float32Array(3) }, () => false),
    ).toThrow('Queries have 2 dimensions, the gallery block 3.');
  });
});
