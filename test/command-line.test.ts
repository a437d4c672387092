import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseNpz, serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createProgram } from '../training/program.ts';
import { expectAllClose } from './allclose.ts';
import { type Ended, runCli, type Surroundings, startCli } from './command-line.ts';
import { freePort } from './free-port.ts';
import { groupedSet, market1501Names } from './grouped-set.ts';
import { writePictures } from './picture-files.ts';
import { type Server, startServer } from './server.ts';

/** The command line as its users and their scripts meet it: processes, exit codes, and the service over HTTP. */
const folder = mkdtempSync(join(tmpdir(), 'softmargin-command-line-'));
const path = (...names: string[]) => join(folder, ...names);
let server: Server;
let surroundings: Surroundings;

beforeAll(async () => {
  writeFileSync(path('query.npz'), serialiseNpz(groupedSet(1, 30)));
  writeFileSync(path('gallery.npz'), serialiseNpz(groupedSet(2, 200)));
  await writePictures(path('digits'), market1501Names);
  server = await startServer();
  const SOFTMARGIN_KEY = server.authorized.Authorization.slice('Bearer '.length);
  surroundings = { cwd: folder, environment: { SOFTMARGIN_URL: server.url, SOFTMARGIN_KEY } };
}, 120_000);

afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...parameters: string[]): Promise<Ended> => runCli(parameters, surroundings);

/** Runs a command that is expected to end well, with `--json`. */
async function json(...parameters: string[]) {
  const { code, out, err } = await run(...parameters, '--json');
  expect(code, err).toBe(0);
  expect(out.trim().split('\n')).toHaveLength(1);
  return JSON.parse(out);
}

describe('the page about it', () => {
  const page = readFileSync('docs/command-line.md', 'utf8');

  test('has an example of every command', async () => {
    const { commands } = await createProgram(new AbortController().signal);
    const all = commands.flatMap((command) =>
      command.commands.length === 0
        ? [command.name()]
        : command.commands.map((child) => `${command.name()} ${child.name()}`),
    );
    expect(all.length).toBeGreaterThan(25);
    const missing = all.filter((name) => !new RegExp(`(softmargin |\`)${name}\\b`).test(page));
    expect(missing).toEqual([]);
  });
});

describe('embed', () => {
  test('a bundle here and the same model of the service give the same embeddings, and both name what is broken', {
    timeout: 300_000,
  }, async () => {
    mkdirSync(path('mixed'), { recursive: true });
    for (const name of ['0001_c1s1_000001_00.png', '0002_c1s1_000003_00.png']) {
      writeFileSync(path('mixed', name), readFileSync(path('digits', name)));
    }
    writeFileSync(path('mixed', '0001_c3s1_000009_00.jpg'), 'no picture');
    const bundle = join(process.cwd(), 'functions/bundles/mnist-wide.safetensors');
    const names = ['--names', 'market1501'];
    const here = await json('embed', 'mixed', '-o', 'here.npz', '--model', bundle, ...names);
    const there = await json('embed', 'mixed', '-o', 'there.npz', '--model', 'mnist-wide', ...names);
    expect(there).toMatchObject({ count: 2, dimension: 32, modelVersion: here.modelVersion });
    for (const { broken } of [here, there]) {
      expect(broken).toMatchObject([{ name: '0001_c3s1_000009_00.jpg' }]);
    }
    const [local, served] = ['here.npz', 'there.npz'].map((file) =>
      parseNpz(readFileSync(path(file)), Number.POSITIVE_INFINITY),
    );
    expect([...local.identities]).toEqual([1, 2]);
    expect([...served.cameras]).toEqual([1, 1]);
    expectAllClose(served.features, local.features, 1e-5);
  });

  test.each([
    [['embed', 'nowhere', '-o', 'a.npz'], 1, 'error: nowhere is not there.'],
    [['embed', 'digits', '-o', 'a.npy'], 2, 'error: a.npy is no name of a .npz.'],
    [['embed', 'digits', '-o', 'a.npz', '--model', 'none.safetensors'], 1, 'none.safetensors'],
    [
      ['embed', 'digits', '-o', 'a.npz', '--model', 'x.safetensors', '--url', 'http://a'],
      2,
      '--url goes with',
    ],
    [['embed', 'digits', '-o', 'a.npz', '--names', 'market'], 2, '(Did you mean market1501?)'],
    [['embed', 'digits', '-o', 'a.npz', '--names', 'folders'], 1, 'it is not named like 0002/any-name.jpg'],
  ])('%j ends with %i', { timeout: 120_000 }, async (parameters, code, message) => {
    const ended = await run(...parameters);
    expect(ended).toMatchObject({ code, out: '' });
    expect(ended.err).toContain(message);
  });
});

describe('sets', () => {
  test('a folder that is larger than a part goes in parts; a broken picture and a path of no label are named', {
    timeout: 300_000,
  }, async () => {
    mkdirSync(path('many'));
    const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
    const create = { width: 1200, height: 1000, channels: 3, background: 'black', noise } as const;
    const picture = await sharp({ create }).png({ compressionLevel: 0 }).toBuffer();
    // Some 3.6 MB each: 43 MB, and a part has 32.
    for (let i = 0; i < 12; i++)
      writeFileSync(path('many', `000${i % 4}_c${i % 3}s1_0000${10 + i}_00.png`), picture);
    writeFileSync(path('many', '0001_c2s1_000005_00.png'), picture.subarray(0, 1000));
    const { code, out, err } = await run('sets', 'push', 'many', 'many', '--names', 'market1501', '--json');
    expect(code, err).toBe(0);
    expect(err).toContain('Cannot be read: 0001_c2s1_000005_00.png');
    expect(JSON.parse(out)).toMatchObject({ count: 13, brokenPictures: 1, identities: 4, cameras: 3 });

    writeFileSync(path('many', 'zebra.png'), picture);
    const refused = await run('sets', 'push', 'many-more', 'many', '--names', 'market1501');
    expect(refused.code).not.toBe(0);
    expect(refused.err).toMatch(/zebra\.png: it is not named like/);
  });

  test('an archive that is larger than a request is refused before it is sent', async () => {
    writeFileSync(path('large.zip'), '');
    truncateSync(path('large.zip'), 100_000_001);
    const { code, err } = await run('sets', 'push', 'large', 'large.zip', '--names', 'market1501');
    expect(code).toBe(2);
    expect(err).toMatch(/large\.zip has 100000001 bytes; an archive may have 100000000\. Unpack it/);
  });
});

describe('exit codes and streams', () => {
  test('under the threshold it is 3, and the result is there all the same', {
    timeout: 120_000,
  }, async () => {
    const sets = ['--query', 'query.npz', '--gallery', 'gallery.npz', '--fail-under-map', '0.999', '--json'];
    const here = await run('evaluate', ...sets);
    expect(here.code).toBe(3);
    expect(here.err).toMatch(/^mAP is 0\.\d+, under 0\.999\.$/m);
    await json('sets', 'push', 'q3', 'query.npz');
    await json('sets', 'push', 'g3', 'gallery.npz');
    const there = await run('evaluations', 'run', '--query', 'q3', '--gallery', 'g3', ...sets.slice(4));
    expect(there.code).toBe(3);
    expect(JSON.parse(there.out).result.mAP).toBe(JSON.parse(here.out).mAP);
  });

  test.each([
    [['trian'], "error: unknown command 'trian'\n(Did you mean train?)"],
    [['sets', 'lst'], "error: unknown command 'lst'\n(Did you mean list?)"],
    [['evaluations', 'list', '--sate', 'failed'], "error: unknown option '--sate'\n(Did you mean --state?)"],
    [['train', 'mnist-wdie'], '(Did you mean mnist-wide?)'],
    [['train', 'mnist-wide', '--set', 'optimizer.learningRate=1'], '(Did you mean optimiser?)'],
    [['import', 'a.safetensors', '-o', 'b.safetensors'], 'error: --architecture is needed'],
    [['summary', 'resnet-50'], '(Did you mean resnet50?)'],
    [['evaluate', '--query', 'q.npz'], "required option '--gallery <file>' not specified"],
    [['search', 'set'], 'error: Give either pictures or --features.'],
    [['keys', 'create', 'a', '--scopes', 'embd'], '(Did you mean embed?)'],
    [['sets', 'push', 'a', 'digits'], 'error: --names is needed for pictures: market1501,'],
    [
      ['models', 'list', '--url', 'softmargin.example'],
      'error: The URL of the service is "softmargin.example"',
    ],
  ])('%j is wrong usage', { timeout: 60_000 }, async (parameters, message) => {
    const { code, out, err } = await run(...parameters);
    expect(err).toContain(message);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).not.toMatch(/^ {4}at /m);
  });

  test.each([
    [['evaluate', '--query', 'none.npz', '--gallery', 'gallery.npz'], 'none.npz is not there.'],
    [['train', '--pretrained', 'none.safetensors'], 'none.safetensors is not there.'],
    [['models', 'push', 'a', 'none.safetensors'], 'none.safetensors is not there.'],
    [['keys', 'revoke', 'ci'], 'key: must be the id of a key, as GET /v1/keys lists them.'],
  ])('%j fails with what is wrong', { timeout: 60_000 }, async (parameters, message) => {
    const { code, out, err } = await run(...parameters);
    expect({ code, out, err }).toEqual({ code: 1, out: '', err: `error: ${message}\n` });
  });

  test('help is on standard output and is no failure', async () => {
    const { code, out, err } = await run('evaluations', 'run', '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/Examples:\n {2}softmargin evaluations run/);
  });

  test('a file that configures wrongly is named', async () => {
    mkdirSync(path('configured'), { recursive: true });
    writeFileSync(path('configured', 'softmargin.config.json'), '{"ulr": "http://a"}');
    const { code, err } = await runCli(['sets', 'list'], { cwd: path('configured') });
    expect(code).toBe(2);
    expect(err).toContain('there is no field "ulr" (Did you mean url?)');
  });

  test('no key, a wrong key and no service are each one honest line', { timeout: 120_000 }, async () => {
    const without = await runCli(['sets', 'list'], { cwd: folder });
    expect(without.code).toBe(2);
    expect(without.err).toMatch(/^error: There is no key for http:\/\/127\.0\.0\.1:8787: .*\n$/);

    const wrong = await run('sets', 'list', '--key', 'sm_wrong');
    expect(wrong).toMatchObject({ code: 1, out: '' });
    expect(wrong.err).toMatch(/^error: The key is unknown, has expired or was revoked.*\n$/);

    const url = `http://127.0.0.1:${await freePort()}`;
    const down = await run('sets', 'list', '--url', url, '--json');
    expect(down.code).toBe(1);
    expect(down.err).toBe(`error: ${url} could not be reached: ECONNREFUSED\n`);
    expect(JSON.parse(down.out)).toEqual({
      error: {
        message: `${url} could not be reached: ECONNREFUSED`,
        ...{ status: 0, code: 'network_error', param: null },
      },
    });
  });

  test('what the service refuses has its words, its code and its field', async () => {
    const { code, out, err } = await run('sets', 'show', 'no-such-set', '--json');
    expect(code).toBe(1);
    expect(err).toMatch(/^error: .*no set "no-such-set".*\n$/);
    expect(JSON.parse(out).error).toMatchObject({ status: 404, code: 'set_not_found', param: 'set' });
  });
});

test('keys: a new one opens what its scopes say, until it is revoked', { timeout: 120_000 }, async () => {
  const made = await json('keys', 'create', 'ci', '--scopes', 'evaluate', '--expires', '1h');
  expect(made.scopes).toEqual(['evaluate']);
  const until = Date.parse(made.expiresAt) - Date.now();
  expect(until).toBeGreaterThan(3_000_000);
  expect((await run('sets', 'list', '--key', made.key)).code).toBe(0);
  expect((await run('keys', 'list', '--key', made.key)).err).toContain('needs a key with the scope admin');
  expect((await json('keys', 'revoke', made.id)).data[0].revokedAt).not.toBeNull();
  expect((await run('sets', 'list', '--key', made.key)).code).toBe(1);
});

test('an interrupted watch ends with 130; the evaluation goes on, is listed, and is cancelled', {
  timeout: 300_000,
}, async () => {
  // Long enough to be interrupted: many shards, one after the other.
  const slow = await startServer('--var', 'SHARD_WORK:20000');
  const SOFTMARGIN_KEY = slow.authorized.Authorization.slice('Bearer '.length);
  const there = { cwd: folder, environment: { SOFTMARGIN_URL: slow.url, SOFTMARGIN_KEY } };
  try {
    writeFileSync(path('many.npz'), serialiseNpz(groupedSet(5, 2000)));
    expect((await runCli(['sets', 'push', 'many', 'many.npz'], there)).code).toBe(0);
    const rule = ['--protocol', 'all', '--watch', '--json'];
    const watch = startCli(['evaluations', 'run', '--query', 'many', '--gallery', 'many', ...rule], there);
    await watch.saying('Evaluation ');
    watch.kill('SIGINT');
    const { code, out, err } = await watch.ended;
    expect(code).toBe(130);
    expect(JSON.parse(out).error).toMatchObject({ code: 'interrupted', message: 'Stopped by SIGINT.' });
    const [, id] = /softmargin evaluations watch (\S+)/.exec(err) as RegExpExecArray;
    const listed = await runCli(['evaluations', 'list', '--json'], there);
    expect(JSON.parse(listed.out).data).toMatchObject([
      { id, state: expect.stringMatching(/queued|running/) },
    ]);
    const cancelled = await runCli(['evaluations', 'cancel', id, '--json'], there);
    expect(JSON.parse(cancelled.out), cancelled.err).toMatchObject({ id, state: 'cancelled' });
    const again = await runCli(['evaluations', 'watch', id], there);
    expect(again).toMatchObject({ code: 1, out: '' });
    expect(again.err).toContain(`error: The evaluation ${id} was cancelled.`);
  } finally {
    await slow.stop();
  }
});
