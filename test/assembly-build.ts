import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const compiler = fileURLToPath(new URL('../node_modules/assemblyscript/bin/asc.js', import.meta.url));

/**
 * Compiles an AssemblyScript kernel again and expects the committed bytes.
 *
 * @param folder of `asconfig.json` and the builds, `<name>-<target>.wasm`.
 */
export function expectCommittedBuild(folder: string, name: string, target: string, limit: number): void {
  const output = mkdtempSync(join(tmpdir(), 'softmargin-kernel-'));
  try {
    const built = join(output, 'built.wasm');
    const { status, stderr } = spawnSync(process.execPath, [
      compiler,
      ...['--config', join(folder, 'asconfig.json'), '--target', target, '--outFile', built],
    ]);
    expect(stderr.toString()).toBe('');
    expect(status).toBe(0);
    const committed = readFileSync(join(folder, `${name}-${target}.wasm`));
    expect(readFileSync(built).equals(committed), 'npm run build:kernel brings it up to date').toBe(true);
    expect(committed.length).toBeLessThan(limit);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}
