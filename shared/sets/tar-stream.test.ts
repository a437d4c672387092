import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasPythonModule, python } from '../../test/python.ts';
import { chunksOf } from '../../test/streams.ts';
import { ByteReader } from './byte-reader.ts';
import { SetError } from './embedding-set.ts';
import { isTar, readTarStream } from './tar-stream.ts';

const files: Record<string, Uint8Array> = {
  'empty.png': new Uint8Array(),
  'a/one.png': Uint8Array.of(7),
  'a/whole-blocks.png': Uint8Array.from({ length: 1024 }, (_, i) => i & 0xff),
  [`${'long folder/'.repeat(12)}ünïcode.png`]: Uint8Array.from({ length: 700 }, (_, i) => (i * i) & 0xff),
};

async function read(bytes: Uint8Array, chunk: number, maxEntries = 100) {
  const found: Record<string, Uint8Array> = {};
  const visit = (name: string, size: number | undefined) => async (data: AsyncIterable<Uint8Array>) => {
    const all: number[] = [];
    for await (const piece of data) all.push(...piece);
    expect(all.length).toBe(size);
    found[name] = Uint8Array.from(all);
  };
  await readTarStream(new ByteReader(chunksOf(bytes, chunk)), visit, maxEntries);
  return found;
}

/** The files as Python's `tarfile` packs them. */
function packed(format: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-tar-'));
  try {
    for (const [name, bytes] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), bytes);
    }
    return python(
      [
        'import sys, tarfile, os',
        `os.chdir(${JSON.stringify(folder)})`,
        `archive = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.${format}_FORMAT)`,
        'archive.add("a", recursive=False)',
        `for name in ${JSON.stringify(Object.keys(files))}: archive.add(name)`,
        'os.symlink("a/one.png", "link.png"); archive.add("link.png")',
        'archive.close()',
      ].join('\n'),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.skipIf(!hasPythonModule('tarfile'))('archives of Python, files only', () => {
  test.each(['GNU', 'PAX'])('%s', async (format) => {
    const archive = packed(format);
    expect(isTar(archive)).toBe(true);
    for (const chunk of [1, 333, 1e6]) expect(await read(archive, chunk)).toEqual(files);
  });

  test('cut anywhere, one is refused or gives whole files', async () => {
    const archive = packed('PAX');
    let refused = 0;
    for (let length = 0; length < archive.length; length += 97) {
      try {
        for (const [name, bytes] of Object.entries(await read(archive.subarray(0, length), 1e6))) {
          expect(bytes).toEqual(files[name]);
        }
      } catch (error) {
        if (!(error instanceof SetError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(30);
  });

  test('no flipped bit of a header gives other files', async () => {
    const archive = packed('GNU');
    let refused = 0;
    for (let bit = 0; bit < 8 * 512; bit += 5) {
      const damaged = archive.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      try {
        expect(await read(damaged, 1e6), `bit ${bit}`).toEqual(files);
      } catch (error) {
        if (!(error instanceof SetError)) throw error;
        refused++;
      }
    }
    // The two bytes behind the digits of the checksum mean nothing.
    expect(refused).toBeGreaterThan(800);
  });

  test('more entries than are allowed', async () => {
    await expect(read(packed('GNU'), 1e6, 3)).rejects.toThrow('it has more than 3 entries');
  });
});

test.skipIf(spawnSync('tar', ['--version']).status !== 0)('the archive that tar writes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-tar-'));
  writeFileSync(join(folder, 'x.png'), Uint8Array.of(1, 2, 3));
  const { stdout } = spawnSync('tar', ['-C', folder, '-cf', '-', '.']);
  rmSync(folder, { recursive: true });
  expect(await read(Uint8Array.from(stdout), 100)).toEqual({ './x.png': Uint8Array.of(1, 2, 3) });
});

test('what is no archive', async () => {
  for (const bytes of [new Uint8Array(), new Uint8Array(100), new Uint8Array(512).fill(65)]) {
    await expect(read(bytes, 64)).rejects.toThrow(SetError);
  }
});
