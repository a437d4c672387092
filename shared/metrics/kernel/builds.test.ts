import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { expectCommittedBuild } from '../../../test/assembly-build.ts';
import { kernelBuilds } from '../../../test/kernel.ts';
import { chooseKernel, hasRelaxedSimd } from './builds.ts';

test.each(['relaxed-simd', 'simd'])('the committed build with %s is what its source gives', (target) => {
  expectCommittedBuild(fileURLToPath(new URL('.', import.meta.url)), 'ranking', target, 8 * 1024);
});

test('Node 24 has relaxed SIMD, and only the build that is chosen is compiled', () => {
  expect(hasRelaxedSimd()).toBe(true);
  const chosen = kernelBuilds.relaxedSimd();
  const builds = {
    relaxedSimd: () => chosen,
    simd: () => {
      throw new Error('Not this one.');
    },
  };
  expect(chooseKernel(builds)).toBe(chosen);
});
