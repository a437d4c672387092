import { hasRelaxedSimd } from '@softmargin/shared/metrics/kernel/builds.ts';
import simd from '@softmargin/shared/metrics/kernel/ranking-simd.wasm';
import { expect, test } from 'vitest';
import { countBothWays, kernelCases } from '../../test/kernel-cases.ts';
import { rankingKernel } from './kernel.ts';

test('workerd has relaxed SIMD', () => {
  expect(hasRelaxedSimd()).toBe(true);
  expect(rankingKernel).not.toBe(simd);
});

test.each([
  ['relaxed SIMD', rankingKernel],
  ['SIMD', simd],
])('the kernel with %s counts what a comparison of single pairs counts', async (_, kernel) => {
  for (const each of kernelCases()) {
    const { counted, expected } = await countBothWays(kernel, each);
    expect(counted, `${each.gallery.count} × ${each.gallery.dimension}, ${each.distance}`).toEqual(expected);
  }
});
