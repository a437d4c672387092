import { type Zippable, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { hasPythonModule, python } from '../../test/python.ts';
import { chunksOf } from '../../test/streams.ts';
import { ByteReader } from './byte-reader.ts';
import { SetError } from './embedding-set.ts';
import { unzip } from './zip.ts';
import { readZipStream } from './zip-stream.ts';

type Files = Record<string, Uint8Array>;
type Read = (bytes: Uint8Array) => Promise<Files>;

const files: Files = {
  'features.npy': Uint8Array.from({ length: 300 }, (_, i) => (i * i) >> 3),
  'identities.npy': new Uint8Array(40).fill(7),
  'empty.npy': new Uint8Array(),
};

function stream(chunk: number): Read {
  return async (bytes) => {
    const read: Files = {};
    await readZipStream(new ByteReader(chunksOf(bytes, chunk)), (name) => async (data) => {
      const parts: number[] = [];
      for await (const part of data) parts.push(...part);
      read[name] = Uint8Array.from(parts);
    });
    return read;
  };
}

const readers: [string, Read][] = [
  ['in memory', async (bytes) => unzip(bytes, () => true)],
  ['as it comes, in bytes', stream(1)],
  ['as it comes, in one chunk', stream(1e6)],
];

function archive(level: 0 | 9, content: Zippable = files): Uint8Array {
  return zipSync(content, { level, mtime: '1980-01-01T00:00:00' });
}

async function refusal(read: Read, bytes: Uint8Array): Promise<string> {
  try {
    await read(bytes);
  } catch (error) {
    if (!(error instanceof SetError)) throw error;
    return `${error.param}: ${error.message}`;
  }
  throw new Error('The archive was not refused.');
}

/** The archive with a 16-bit field of its first entry set, in the entry's record and in the directory's. */
function altered(bytes: Uint8Array, inEntry: number, inDirectory: number, value: number): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  view.setUint16(inEntry, value, true);
  for (let at = 0; at + 46 < copy.length; at++) {
    if (view.getUint32(at, true) !== 0x02014b50) continue;
    view.setUint16(at + inDirectory, value, true);
    return copy;
  }
  throw new Error('There is no directory.');
}

describe.each(readers)('%s', (_, read) => {
  test.each([0, 9] as const)('every entry, at compression %i', async (level) => {
    expect(await read(archive(level))).toEqual(files);
  });

  test.each([0, 9] as const)('no flipped bit gives other bytes, at compression %i', async (level) => {
    const bytes = archive(level);
    let refused = 0;
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      try {
        const found = await read(damaged);
        for (const [name, content] of Object.entries(files)) {
          if (found[name] !== undefined) expect(found[name], `bit ${bit}`).toEqual(content);
        }
      } catch (error) {
        expect(error, `bit ${bit}`).toBeInstanceOf(SetError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(8 * 30);
  });

  test('a damaged entry, by name and checksum', async () => {
    const bytes = archive(0);
    bytes[30 + 'features.npy'.length + 100] ^= 4;
    expect(await refusal(read, bytes)).toMatch(
      /^features: features\.npy: its CRC-32 is [0-9a-f]{8} where the archive says [0-9a-f]{8}: it was damaged/,
    );
  });

  test('an archive cut anywhere', async () => {
    const bytes = archive(9);
    for (let length = 0; length < bytes.length; length++) await refusal(read, bytes.subarray(0, length));
  });

  test('an encrypted entry', async () => {
    expect(await refusal(read, altered(archive(0), 6, 8, 1))).toBe(
      'features: features.npy: it is encrypted; encrypted entries are not read.',
    );
  });

  test.each([
    [12, '12 (bzip2)'],
    [14, '14 (LZMA)'],
    [77, '77'],
  ])('compression method %i', async (method, text) => {
    expect(await refusal(read, altered(archive(0), 8, 10, method))).toBe(
      `features: features.npy: it is compressed by method ${text}; stored and deflated entries are read.`,
    );
  });

  test('what is no archive', async () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(100), new TextEncoder().encode('{"features":')]) {
      expect(await refusal(read, bytes)).toMatch(/^body: Not a readable archive: /);
    }
  });

  test('an archive that ends in ZIP64 records', async () => {
    const bytes = archive(0);
    const end = bytes.length - 22;
    const view = new DataView(bytes.buffer);
    const wide = new Uint8Array(bytes.length + 56 + 20);
    wide.set(bytes.subarray(0, end));
    const out = new DataView(wide.buffer);
    out.setUint32(end, 0x06064b50, true);
    out.setBigUint64(end + 4, 44n, true);
    out.setBigUint64(end + 24, 3n, true);
    out.setBigUint64(end + 32, 3n, true);
    out.setBigUint64(end + 40, BigInt(view.getUint32(end + 12, true)), true);
    out.setBigUint64(end + 48, BigInt(view.getUint32(end + 16, true)), true);
    out.setUint32(end + 56, 0x07064b50, true);
    out.setBigUint64(end + 64, BigInt(end), true);
    out.setUint32(end + 72, 1, true);
    wide.set(bytes.subarray(end), end + 76);
    // What ZIP64 carries, the old record gives as "too large for me".
    out.setUint16(end + 76 + 10, 0xffff, true);
    out.setUint32(end + 76 + 16, 0xffffffff, true);
    expect(await read(wide)).toEqual(files);
  });

  // Python's zipfile, each member with the ZIP64 extension forced on, as `numpy.savez` does it.
  test.skipIf(!hasPythonModule('zipfile'))('members with ZIP64 sizes', async () => {
    const bytes = python(
      [
        'import io, sys, zipfile',
        'out = io.BytesIO()',
        'with zipfile.ZipFile(out, "w") as archive:',
        '    with archive.open("a.npy", "w", force_zip64=True) as member: member.write(bytes(range(200)))',
        'sys.stdout.buffer.write(out.getvalue())',
      ].join('\n'),
    );
    expect(await read(bytes)).toEqual({ 'a.npy': Uint8Array.from({ length: 200 }, (_, i) => i) });
  });
});

describe('as it comes', () => {
  const read = stream(64);

  test('an entry that lies about its size is left as soon as it is above it', async () => {
    const bytes = archive(9, { 'a.npy': new Uint8Array(10_000_000) });
    const view = new DataView(bytes.buffer);
    view.setUint32(22, 1000, true);
    expect(await refusal(read, bytes)).toBe('a: a.npy: it unpacks to more than the 1000 bytes it announces.');
  });

  test('never more than 5 MB of a bomb at a time', async () => {
    const bytes = archive(9, { 'a.npy': new Uint8Array(40_000_000) });
    let largest = 0;
    let total = 0;
    await readZipStream(new ByteReader(chunksOf(bytes, 1e6)), () => async (data) => {
      for await (const part of data) {
        largest = Math.max(largest, part.length);
        total += part.length;
      }
    });
    expect(total).toBe(40_000_000);
    expect(largest).toBeLessThan(5_000_000);
  });

  test('an entry passed over is not unpacked, and still has to be whole', async () => {
    const bytes = archive(9);
    await readZipStream(new ByteReader(chunksOf(bytes, 10)), () => undefined);
    await expect(
      readZipStream(new ByteReader(chunksOf(bytes.subarray(0, 60), 10)), () => undefined),
    ).rejects.toThrow(/features\.npy: of \d+ bytes \d+ are there/);
  });

  test('what follows the end', async () => {
    const bytes = Uint8Array.from([...archive(0), 0]);
    expect(await refusal(read, bytes)).toContain('more bytes follow its end');
  });

  test('an entry that the directory does not list', async () => {
    const one = archive(0, { 'a.npy': new Uint8Array(3) });
    const two = archive(0, { 'b.npy': new Uint8Array(3) });
    // The entry of one, then a directory that lists only what came after it.
    const entry = one.subarray(0, 30 + 5 + 3);
    const joined = Uint8Array.from([...entry, ...two]);
    const view = new DataView(joined.buffer);
    for (let at = 0; at + 46 < joined.length; at++) {
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 42, entry.length, true);
    }
    expect(await refusal(read, joined)).toBe('a: a.npy: the directory does not list it.');
  });

  test('of an entry that says its size behind its data, the record of it is missing', async () => {
    const bytes = archive(9, { 'a.npy': new Uint8Array(100) });
    bytes[6] |= 8;
    await expect(stream(7)(bytes)).rejects.toThrow('no record of it is to be found');
  });
});

describe.skipIf(!hasPythonModule('zipfile'))('an archive that was written to a pipe', () => {
  /** Python does not seek in a pipe: sizes and checksums stand behind the data. */
  const written = (method: string) =>
    python(
      [
        'import sys, zipfile',
        `with zipfile.ZipFile(sys.stdout.buffer, "w", zipfile.${method}) as archive:`,
        '    archive.writestr("a.npy", bytes(i * i >> 3 & 255 for i in range(70000)))',
        '    archive.writestr("empty.npy", b"")',
        '    archive.writestr("inner.zip", b"PK\\x07\\x08" + bytes(40) + b"PK\\x07\\x08")',
      ].join('\n'),
    );

  test('is read as it comes, as it is in memory', async () => {
    const bytes = written('ZIP_DEFLATED');
    expect(bytes[6] & 8).toBe(8);
    const expected = unzip(bytes, () => true);
    expect(Object.keys(expected)).toHaveLength(3);
    for (const chunk of [100, 1e6]) expect(await stream(chunk)(bytes)).toEqual(expected);
  });

  test('is refused where its entries are not deflated: where they end is not to be told', async () => {
    await expect(stream(1000)(written('ZIP_STORED'))).rejects.toThrow('its size stands behind its data');
  });

  test('what is passed over is passed over, and what was damaged is noticed', async () => {
    const bytes = written('ZIP_DEFLATED');
    await readZipStream(new ByteReader(chunksOf(bytes, 100)), () => undefined);
    bytes[500] ^= 1;
    await expect(stream(1000)(bytes)).rejects.toThrow(SetError);
  });
});
