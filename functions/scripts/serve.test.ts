import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { freePort } from '../../test/free-port.ts';
import { descendants } from '../../test/processes.ts';

const script = fileURLToPath(new URL('serve.ts', import.meta.url));
const state = mkdtempSync(join(tmpdir(), 'softmargin-serve-'));
afterAll(() => rmSync(state, { recursive: true, force: true }));

function serve(...options: string[]): { child: ChildProcess; printed: () => string } {
  const child = spawn(process.execPath, [script, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout?.on('data', (chunk) => (text += chunk));
  child.stderr?.on('data', (chunk) => (text += chunk));
  return { child, printed: () => text };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('serves, shows an example that works, and leaves nothing behind', async () => {
  const port = await freePort();
  const { child, printed } = serve('--port', String(port), '--persist-to', state);
  while (!printed().includes('Ctrl-C') && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(child.exitCode, printed()).toBeNull();
  expect(printed()).not.toMatch(/error|at .*:\d+:\d+|wrangler/i);

  const example =
    /curl -s (\S+) -H "Authorization: Bearer \$SOFTMARGIN_KEY" \\\n\s+-H '(.+?): (.+?)' \\\n\s+-d '(.+?)'/.exec(
      printed(),
    );
  const [, url, header, value, body] = example as RegExpExecArray;
  const [, key] = /export SOFTMARGIN_KEY=(\S+)/.exec(printed()) as RegExpExecArray;
  const headers = { Authorization: `Bearer ${key}`, [header]: value };
  expect((await fetch(url, { method: 'POST', headers: { [header]: value }, body })).status).toBe(401);
  const response = await fetch(url, { method: 'POST', headers, body });
  expect(response.status).toBe(200);
  expect(((await response.json()) as { data: unknown[] }).data).toHaveLength(1);

  const file = join(state, 'key.env');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toBe(`API_KEY=${key}\n`);

  const second = serve('--port', String(port));
  expect(await once(second.child, 'close')).toEqual([2, null]);
  expect(second.printed()).toContain(`Port ${port} is in use`);

  const started = descendants(child.pid as number);
  expect(started.length).toBeGreaterThan(1);
  child.kill('SIGTERM');
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(started.filter(isAlive)).toEqual([]);
  expect(printed()).toMatch(/200 {2}POST \/v1\/embeddings/);
});

test.each([
  ['--port', 'abc'],
  ['--port', '0'],
  ['--port', '65536'],
  ['--port', '-1'],
  ['--portt', '1'],
  ['--var', 'SHARD_WORK'],
  ['--key', 'short'],
  ['--key', 'a key that has spaces'],
  ['--quiet=yes'],
])('%s %s is refused with the usage', async (...options) => {
  const { child, printed } = serve(...options.filter((option) => option !== undefined));
  const [code] = await once(child, 'close');
  expect(code).toBe(2);
  expect(printed()).toContain('Usage: npm start');
  expect(printed()).not.toMatch(/at .*:\d+:\d+/);
});
