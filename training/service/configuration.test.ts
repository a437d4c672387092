import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFiles } from '../../test/picture-files.ts';
import { UsageError } from '../terminal/exit-codes.ts';
import { serviceConfiguration } from './configuration.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'softmargin-configuration-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const read = (flags = {}, environment: Record<string, string> = {}) =>
  serviceConfiguration(flags, { environment, directory: root, home: join(root, 'home') });

test('flags go before the environment, that before the file of the directory, and that before the one at home', async () => {
  expect(await read()).toEqual({ url: 'http://127.0.0.1:8787', key: undefined, keyFrom: undefined });
  const home = join(root, 'home', '.config', 'softmargin', 'config.json');
  writeFiles(root, {
    'home/.config/softmargin/config.json': JSON.stringify({ url: 'https://home', key: 'home' }),
  });
  expect(await read()).toEqual({ url: 'https://home', key: 'home', keyFrom: home });
  writeFileSync(join(root, 'softmargin.config.json'), JSON.stringify({ url: 'https://here' }));
  expect(await read()).toEqual({ url: 'https://here', key: 'home', keyFrom: home });
  const environment = { SOFTMARGIN_URL: 'https://environment', SOFTMARGIN_KEY: 'environment' };
  expect(await read({}, environment)).toEqual({
    url: 'https://environment',
    key: 'environment',
    keyFrom: 'SOFTMARGIN_KEY',
  });
  expect(await read({}, { SOFTMARGIN_URL: '', SOFTMARGIN_KEY: '' })).toMatchObject({ url: 'https://here' });
  expect(await read({ key: 'flag' }, environment)).toEqual({
    url: 'https://environment',
    key: 'flag',
    keyFrom: '--key',
  });
});

test.each([
  ['{"ulr": "https://a"}', 'there is no field "ulr" (Did you mean url?); it may have url and key.'],
  ['{"url": "ftp://a"}', 'url: must be http://… or https://….'],
  ['{"key": 5}', 'key: '],
  ['{url}', 'is not JSON: '],
  ['[]', 'the content: '],
])('%s is refused by name', async (text, message) => {
  const path = join(root, 'softmargin.config.json');
  writeFileSync(path, text);
  const refused = await read().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UsageError);
  expect((refused as Error).message).toContain(path);
  expect((refused as Error).message).toContain(message);
});
