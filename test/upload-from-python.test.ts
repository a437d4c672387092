import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasPythonModule, python } from './python.ts';
import { type Server, startServer } from './server.ts';

/** Uploads by Python alone, against the server that `npm start` starts. */
let server: Server;

beforeAll(async () => {
  server = await startServer();
}, 120_000);

afterAll(() => server?.stop());

async function describedSet(name: string) {
  // Python keeps this process waiting for longer than the server keeps a connection.
  const answer = await fetch(`${server.url}/v1/sets/${name}`, {
    headers: { ...server.authorized, Connection: 'close' },
  });
  return (await answer.json()) as { sha256: string };
}

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
        `request = urllib.request.Request("${server.url}/v1/sets/by-hand", data=out.getvalue(), method="PUT", headers=${JSON.stringify(server.authorized)})`,
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
    const answer = await fetch(`${server.url}/v1/sets/as-json`, {
      method: 'PUT',
      headers: server.authorized,
      body: JSON.stringify(set),
    });
    expect(answer.status).toBe(201);
    expect((await describedSet('by-hand')).sha256).toBe((await describedSet('as-json')).sha256);
  },
);

test('a client that sends a large body to the end hears what was wrong with its beginning', async () => {
  const body = new Uint8Array(20_000_000);
  body.set(new TextEncoder().encode('neither'));
  const answer = await fetch(`${server.url}/v1/sets/refused`, {
    method: 'PUT',
    headers: server.authorized,
    body,
  });
  expect(answer.status).toBe(400);
  expect(((await answer.json()) as { error: { param: string } }).error.param).toBe('body');
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});
