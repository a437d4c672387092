import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLocalKey } from '../functions/scripts/local-key.ts';
import { freePort } from './free-port.ts';
import { hasPythonModule, python } from './python.ts';
import { authorizedFor } from './server.ts';

/** What the documentation tells users of Python, run as it stands there against the server that `npm start` starts. */
const folder = mkdtempSync(join(tmpdir(), 'softmargin-python-'));
const snippetsOf = (page: string) =>
  [...readFileSync(page, 'utf8').matchAll(/```python\n(.*?)```/gs)]
    .map(([, text]) => text)
    .filter((text) => text.includes('service.put('));
let server: ChildProcess;
let url = '';

beforeAll(async () => {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  server = spawn(
    process.execPath,
    ['functions/scripts/serve.ts', '--port', String(port), '--persist-to', join(folder, 'state'), '--quiet'],
    { stdio: 'ignore' },
  );
  while (server.exitCode === null) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`The server ended with code ${server.exitCode}.`);
}, 90_000);

afterAll(async () => {
  if (server.exitCode === null) {
    server.kill('SIGTERM');
    await once(server, 'close');
  }
  rmSync(folder, { recursive: true, force: true });
});

const authorized = () => authorizedFor(join(folder, 'state'));

async function describedSet(name: string) {
  // Python keeps this process waiting for longer than the server keeps a connection.
  const answer = await fetch(`${url}/v1/sets/${name}`, { headers: { ...authorized(), Connection: 'close' } });
  return (await answer.json()) as { count: number; dimension: number; sha256: string; cameras: number };
}

test.skipIf(!hasPythonModule('numpy') || !hasPythonModule('requests'))(
  'the README uploads a set in one body and in parts, and both are the same set',
  async () => {
    const snippets = snippetsOf('README.md');
    expect(snippets).toHaveLength(2);
    // Doubles, as NumPy has them, of more rows than the parts of the README have.
    const data = [
      `import os; os.chdir(${JSON.stringify(folder)})`,
      `os.environ['SOFTMARGIN_KEY'] = ${JSON.stringify(readLocalKey(join(folder, 'state')))}`,
      'import numpy',
      'features = numpy.arange(9000 * 512).reshape(9000, 512) % 1021 / 8',
      'identities = numpy.arange(9000) // 4',
      'cameras = numpy.arange(9000) % 6',
    ];
    python([...data, ...snippets].join('\n').replaceAll('http://127.0.0.1:8787', url));
    const whole = await describedSet('my-query');
    expect(whole).toMatchObject({ count: 9000, dimension: 512, identities: 2250, cameras: 6 });
    expect((await describedSet('my-gallery')).sha256).toBe(whole.sha256);
  },
);

test.skipIf(!hasPythonModule('numpy') || !hasPythonModule('requests'))(
  'the page about sets uploads embeddings in every way that it shows, and pictures in two',
  async () => {
    const snippets = snippetsOf('docs/sets.md');
    expect(snippets).toHaveLength(4);
    const pictures: Record<string, Uint8Array> = {};
    for (const [i, camera] of [1, 2, 1].entries()) {
      const name = `000${i + 1}_c${camera}s1_00000${i}_00.png`;
      pictures[name] = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'teal' } })
        .png()
        .toBuffer();
      writeFileSync(join(folder, name), pictures[name]);
    }
    writeFileSync(join(folder, 'query.zip'), zipSync(pictures));
    const data = [
      `import os; os.chdir(${JSON.stringify(folder)})`,
      `os.environ['SOFTMARGIN_KEY'] = ${JSON.stringify(readLocalKey(join(folder, 'state')))}`,
      'import numpy, requests',
      'features = (numpy.arange(9000 * 512).reshape(9000, 512) % 1021 / 8).astype(">f4")',
      'identities = numpy.arange(9000) // 4',
      'cameras = numpy.arange(9000) % 6',
      'rows = [f"{camera},{identity}" for identity, camera in zip(identities, cameras)]',
      'open("labels.csv", "w").write("\\n".join(["camera,identity", *rows]))',
      `paths = ${JSON.stringify(Object.keys(pictures))}`,
    ];
    python([...data, ...snippets].join('\n').replaceAll('http://127.0.0.1:8787', url));
    const whole = await describedSet('my-query');
    expect(whole).toMatchObject({ count: 9000, dimension: 512, identities: 2250, cameras: 6 });
    expect((await describedSet('my-gallery')).sha256).toBe(whole.sha256);
    expect((await describedSet('my-large-gallery')).sha256).toBe(whole.sha256);
    const zipped = await describedSet('my-pictures');
    expect(zipped).toMatchObject({ count: 3, dimension: null, identities: 3, cameras: 2 });
    expect((await describedSet('my-few-pictures')).sha256).toBe(zipped.sha256);
  },
);

test.skipIf(!hasPythonModule('zipfile'))(
  'Python alone, with bytes by hand, uploads the same set',
  async () => {
    python(
      [
        'import io, struct, urllib.request, zipfile',
        'def npy(descr, shape, data):',
        '    text = str({"descr": descr, "fortran_order": False, "shape": shape})',
        '    text += " " * (-(10 + len(text) + 1) % 64) + "\\n"',
        '    return b"\\x93NUMPY\\x01\\x00" + struct.pack("<H", len(text)) + text.encode() + data',
        'out = io.BytesIO()',
        'with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:',
        '    archive.writestr("cameras.npy", npy("<i8", (2,), struct.pack("<2q", 0, 1)))',
        '    archive.writestr("identities.npy", npy("|u1", (2,), bytes([1, 2])))',
        '    archive.writestr("features.npy", npy(">f4", (2, 2), struct.pack(">4f", 1, 2, 3, 4.5)))',
        `request = urllib.request.Request("${url}/v1/sets/by-hand", data=out.getvalue(), method="PUT", headers=${JSON.stringify(authorized())})`,
        'assert urllib.request.urlopen(request).status == 201',
      ].join('\n'),
    );
    const set = {
      features: [
        [1, 2],
        [3, 4.5],
      ],
      identities: [1, 2],
      cameras: [0, 1],
    };
    const answer = await fetch(`${url}/v1/sets/as-json`, {
      method: 'PUT',
      headers: authorized(),
      body: JSON.stringify(set),
    });
    expect(answer.status).toBe(201);
    expect((await describedSet('by-hand')).sha256).toBe((await describedSet('as-json')).sha256);
  },
);

test('a client that sends a large body to the end hears what was wrong with its beginning', async () => {
  const body = new Uint8Array(20_000_000);
  body.set(new TextEncoder().encode('neither'));
  const answer = await fetch(`${url}/v1/sets/refused`, { method: 'PUT', headers: authorized(), body });
  expect(answer.status).toBe(400);
  expect(((await answer.json()) as { error: { param: string } }).error.param).toBe('body');
  expect((await fetch(`${url}/health`)).status).toBe(200);
});
