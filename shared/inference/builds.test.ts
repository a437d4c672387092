import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { expectCommittedBuild } from '../../test/assembly-build.ts';

test.each(['relaxed-simd', 'simd'])('the committed build with %s is what its source gives', (target) => {
  expectCommittedBuild(fileURLToPath(new URL('.', import.meta.url)), 'inference', target, 12 * 1024);
});
