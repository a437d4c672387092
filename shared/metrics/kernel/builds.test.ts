import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { kernelBuilds } from '../../../test/kernel.ts';
import { chooseKernel, hasRelaxedSimd } from './builds.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/assemblyscript/bin/asc.js', import.meta.url));

test.each(['relaxed-simd', 'simd'])('the committed build with %s is what its source gives', (target) => {
  const output = mkdtempSync(join(tmpdir(), 'softmargin-kernel-'));
  try {
    const built = join(output, 'built.wasm');
    const { status, stderr } = spawnSync(process.execPath, [
      compiler,
      ...['--config', join(folder, 'asconfig.json'), '--target', target, '--outFile', built],
    ]);
    expect(stderr.toString()).toBe('');
    expect(status).toBe(0);
    const committed = readFileSync(join(folder, `ranking-${target}.wasm`));
    expect(readFileSync(built).equals(committed), 'npm run build:kernel brings it up to date').toBe(true);
    expect(committed.length).toBeLessThan(8 * 1024);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
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
