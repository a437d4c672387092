import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Server, startServer } from './server.ts';

/** What docs/client.md tells users of TypeScript, run as it stands there by Node. */
// In the repository, so that the package is found as a user's own file finds it.
const folder = mkdtempSync(join('test', 'client-page-'));
let server: Server;
beforeAll(async () => {
  server = await startServer();
}, 120_000);
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('the snippets work, one after the other', { timeout: 180_000 }, async () => {
  const page = readFileSync('docs/client.md', 'utf8');
  const snippets = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, text]) => text);
  expect(snippets).toHaveLength(6);
  const background = { r: 200, g: 90, b: 20 };
  await sharp({ create: { width: 28, height: 28, channels: 3, background } }).toFile(
    join(folder, 'digit.png'),
  );
  writeFileSync(join(folder, 'page.ts'), snippets.join('\n'));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['page.ts'], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      ...process.env,
      SOFTMARGIN_URL: server.url,
      SOFTMARGIN_KEY: server.authorized.Authorization.slice('Bearer '.length),
    },
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const lines = stdout.split('\n');
  expect(lines[0]).toBe('ok');
  expect(lines[1]).toMatch(/^32 0 [0-9a-f]{64}$/);
  expect(stdout).toMatch(/^succeeded \d+ 1$/m);
  expect(stdout).toMatch(/^404 set_not_found set .*no set "none"/m);
});
