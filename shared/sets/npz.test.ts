import { type Zippable, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { npyFile, numberBytes } from '../../test/npy.ts';
import { hasPythonModule, python } from '../../test/python.ts';
import { type EmbeddingSet, SetError } from './embedding-set.ts';
import { serialiseNpy } from './npy.ts';
import { parseNpz, serialiseNpz } from './npz.ts';

const LIMIT = 1_000_000;

const set: EmbeddingSet = {
  count: 3,
  dimension: 2,
  features: Float32Array.of(1, 2, -0.5, 4, 5, 6),
  identities: Int32Array.of(-1, 0, 1501),
  cameras: Int32Array.of(1, 2, 6),
};

/** The arrays of `set`, some of them replaced or (for `undefined`) left out, as an archive. */
function archive(replaced: Record<string, Uint8Array | undefined> = {}, level: 0 | 9 = 0): Uint8Array {
  const files: Zippable = {};
  for (const [name, bytes] of Object.entries({
    'features.npy': serialiseNpy(set.features, [3, 2]),
    'identities.npy': serialiseNpy(set.identities, [3]),
    'cameras.npy': serialiseNpy(set.cameras, [3]),
    ...replaced,
  })) {
    if (bytes !== undefined) files[name] = bytes;
  }
  return zipSync(files, { level });
}

function refusal(bytes: Uint8Array, limit = LIMIT): { param: string; message: string } {
  try {
    parseNpz(bytes, limit);
  } catch (error) {
    if (!(error instanceof SetError)) throw error;
    return { param: error.param, message: error.message };
  }
  throw new Error('The archive was not refused.');
}

describe('an archive', () => {
  test.each([0, 9] as const)('reads, at compression %i', (level) => {
    expect(parseNpz(archive({}, level), LIMIT)).toEqual(set);
  });

  test('may be of other types, if the values fit', () => {
    const read = parseNpz(
      archive({
        'features.npy': npyFile(
          { descr: "'>f8'", fortran: true, shape: '(3, 2)' },
          numberBytes(Float64Array.of(1, -0.5, 5, 2, 4, 6), true),
        ),
        'identities.npy': npyFile(
          { descr: "'<i8'", shape: '(3,)' },
          numberBytes(BigInt64Array.of(-1n, 0n, 1501n)),
        ),
        'cameras.npy': npyFile({ descr: "'<f4'", shape: '(3,)' }, numberBytes(Float32Array.of(1, 2, 6))),
      }),
      LIMIT,
    );
    expect(read).toEqual(set);
  });

  test('may hold more than it needs', () => {
    const extra = { 'paths.npy': npyFile({ descr: "'<U1'", shape: '(0,)' }, new Uint8Array()) };
    expect(parseNpz(archive({ ...extra, 'README.txt': new Uint8Array(9) }), LIMIT)).toEqual(set);
  });

  test('may have groups', () => {
    const groups = Int32Array.of(4, 4, -1);
    const grouped = { ...set, groups };
    expect(parseNpz(archive({ 'groups.npy': serialiseNpy(groups, [3]) }), LIMIT)).toEqual(grouped);
    expect(parseNpz(serialiseNpz(grouped), LIMIT)).toEqual(grouped);
    expect(refusal(archive({ 'groups.npy': serialiseNpy(groups, [1, 3]) })).param).toBe('groups');
  });

  test.each([
    ['feat', 'pids', 'camids'],
    ['embeddings', 'labels', 'cameras'],
    ['feats', 'ids', 'camids'],
    ['qf', 'q_pids', 'q_camids'],
    ['gf', 'g_pids', 'g_camids'],
  ])('may call its arrays %s, %s and %s', (features, identities, cameras) => {
    const bytes = zipSync({
      [`${features}.npy`]: serialiseNpy(set.features, [3, 2]),
      [`${identities}.npy`]: serialiseNpy(set.identities, [3]),
      [`${cameras}.npy`]: serialiseNpy(set.cameras, [3]),
    });
    expect(parseNpz(bytes, LIMIT)).toEqual(set);
  });

  test('unpacks nothing else', () => {
    const other = serialiseNpy(new Float32Array(LIMIT), [LIMIT, 1]);
    expect(parseNpz(archive({ 'distances.npy': other }, 9), LIMIT)).toEqual(set);
  });

  test('is written so that it reads back, with the same bytes each time', () => {
    const bytes = serialiseNpz(set);
    expect(parseNpz(bytes, LIMIT)).toEqual(set);
    expect(serialiseNpz(structuredClone(set))).toEqual(bytes);
  });
});

describe('refuses', () => {
  test.each(['features', 'identities', 'cameras'])('an archive without %s, and says what it has', (name) => {
    const { param, message } = refusal(archive({ [`${name}.npy`]: undefined }));
    expect(param).toBe(name);
    const others = ['features', 'identities', 'cameras'].filter((other) => other !== name);
    expect(message).toBe(`The archive has no array "${name}"; it has ${others.join(', ')}.`);
  });

  test('an archive without arrays', () => {
    expect(refusal(zipSync({ 'a.txt': new Uint8Array(3) })).message).toBe(
      'The archive has no array "features"; it has none.',
    );
  });

  test('what is no archive', () => {
    for (const bytes of [
      new Uint8Array(),
      new Uint8Array(100),
      new TextEncoder().encode('{"features": []}'),
    ]) {
      const { param, message } = refusal(bytes);
      expect(param).toBe('body');
      expect(message).toMatch(/^Not a readable archive: /);
    }
  });

  test('an archive cut anywhere', () => {
    const bytes = archive({}, 9);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseNpz(bytes.subarray(0, length), LIMIT), `${length} bytes`).toThrow(SetError);
    }
  });

  test('a damaged array, by name', () => {
    expect(refusal(archive({ 'cameras.npy': new Uint8Array(40) })).param).toBe('cameras');
  });

  test('features that are not rows and columns', () => {
    for (const [shape, text] of [
      [[6], '6'],
      [[3, 2, 1], '3, 2, 1'],
    ] as const) {
      expect(refusal(archive({ 'features.npy': serialiseNpy(set.features, shape) }))).toEqual({
        param: 'features',
        message: `features has shape (${text}), not two dimensions: rows, columns.`,
      });
    }
  });

  test('labels of more than one dimension', () => {
    expect(refusal(archive({ 'identities.npy': serialiseNpy(set.identities, [3, 1]) }))).toEqual({
      param: 'identities',
      message: 'identities has shape (3, 1), not one dimension.',
    });
  });

  test('labels of another number', () => {
    expect(refusal(archive({ 'cameras.npy': serialiseNpy(Int32Array.of(1, 2), [2]) }))).toEqual({
      param: 'cameras',
      message: 'cameras has 2 entries for 3 rows of features.',
    });
  });

  test('a label that is not a whole number of 32 bits, by index', () => {
    const floats = npyFile({ descr: "'<f8'", shape: '(3,)' }, numberBytes(Float64Array.of(1, 2.5, 3)));
    expect(refusal(archive({ 'identities.npy': floats }))).toEqual({
      param: 'identities',
      message: 'identities[1] is 2.5, not a whole number of 32 bits.',
    });
    const wide = npyFile({ descr: "'<i8'", shape: '(3,)' }, numberBytes(BigInt64Array.of(1n, 2n, 2n ** 31n)));
    expect(refusal(archive({ 'cameras.npy': wide })).message).toBe(
      'cameras[2] is 2147483648, not a whole number of 32 bits.',
    );
  });

  test('a feature that is not finite, by row and column', () => {
    const broken = serialiseNpy(Float32Array.of(1, 2, 3, 4, Number.NaN, 6), [3, 2]);
    expect(refusal(archive({ 'features.npy': broken }))).toEqual({
      param: 'features',
      message: 'features[2][0] is NaN, not a finite float32.',
    });
    // Finite as a double, and not as a float32.
    const wide = npyFile(
      { descr: "'<f8'", shape: '(3, 2)' },
      numberBytes(Float64Array.of(1, 2, 3, -1e39, 5, 6)),
    );
    expect(refusal(archive({ 'features.npy': wide })).message).toBe(
      'features[1][1] is -Infinity, not a finite float32.',
    );
  });

  test('no rows', () => {
    const none = serialiseNpy(new Float32Array(), [0, 2]);
    expect(refusal(archive({ 'features.npy': none })).message).toBe('features has no rows.');
  });
});

describe('the limit on the unpacked size', () => {
  // Half a million zeros: 2 MB that pack into 2 kB.
  const zeros = serialiseNpy(new Float32Array(500_000), [250_000, 2]);

  test('refuses a bomb before it unpacks', () => {
    const bytes = archive({ 'features.npy': zeros }, 9);
    expect(bytes.length).toBeLessThan(10_000);
    const { param, message } = refusal(bytes);
    expect(param).toBe('body');
    expect(message).toMatch(/^The arrays unpack to \d+ bytes and more; the limit is 1000000 bytes\.$/);
  });

  test('is on all arrays together', () => {
    const bytes = archive();
    const total = 128 * 3 + 24 + 12 + 12;
    expect(parseNpz(bytes, total)).toEqual(set);
    expect(refusal(bytes, total - 1).param).toBe('body');
  });

  test('does not count what is no array', () => {
    expect(parseNpz(archive({ 'photo.jpg': new Uint8Array(2 * LIMIT) }, 9), LIMIT)).toEqual(set);
  });

  test('holds where the archive lies about the size', () => {
    const bytes = archive({ 'features.npy': zeros }, 9);
    const view = new DataView(bytes.buffer);
    let altered = 0;
    for (let i = 0; i + 46 <= bytes.length; i++) {
      // The central directory's uncompressed size, at 24 bytes from its signature.
      if (view.getUint32(i, true) === 0x02014b50 && view.getUint32(i + 24, true) === zeros.length) {
        view.setUint32(i + 24, 200, true);
        altered++;
      }
    }
    expect(altered).toBe(1);
    expect(refusal(bytes).param).toMatch(/^(features|body)$/);
  });
});

// `numpy.savez` writes through Python's zipfile, each member with the ZIP64 extension forced on.
describe.skipIf(!hasPythonModule('zipfile'))('an archive by Python’s zipfile', () => {
  test.each(['ZIP_STORED', 'ZIP_DEFLATED'])('%s', (method) => {
    const bytes = python(
      [
        'import io, json, sys, zipfile',
        'files = json.load(sys.stdin)',
        'out = io.BytesIO()',
        `with zipfile.ZipFile(out, mode="w", compression=zipfile.${method}, allowZip64=True) as archive:`,
        '    for name, values in files.items():',
        '        with archive.open(name, "w", force_zip64=True) as member:',
        '            member.write(bytes(values))',
        'sys.stdout.buffer.write(out.getvalue())',
      ].join('\n'),
      new TextEncoder().encode(
        JSON.stringify({
          'features.npy': [...serialiseNpy(set.features, [3, 2])],
          'identities.npy': [...serialiseNpy(set.identities, [3])],
          'cameras.npy': [...serialiseNpy(set.cameras, [3])],
        }),
      ),
    );
    expect(parseNpz(bytes, LIMIT)).toEqual(set);
  });

  test('reads ours', () => {
    const names = python(
      'import io, sys, zipfile; z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())); assert z.testzip() is None; print(*z.namelist())',
      serialiseNpz(set),
    );
    expect(new TextDecoder().decode(names).trim()).toBe('features.npy identities.npy cameras.npy');
  });
});

describe.skipIf(!hasPythonModule('numpy'))('NumPy', () => {
  test.each(['savez', 'savez_compressed'])('an archive by %s', (save) => {
    const bytes = python(
      [
        'import io, sys, numpy as np',
        'out = io.BytesIO()',
        `np.${save}(out, features=np.array([[1, 2], [-0.5, 4], [5, 6]]), identities=np.array([-1, 0, 1501]), cameras=np.array([1, 2, 6], dtype=np.uint8))`,
        'sys.stdout.buffer.write(out.getvalue())',
      ].join('\n'),
    );
    expect(parseNpz(bytes, LIMIT)).toEqual(set);
  });

  test('reads ours', () => {
    const printed = python(
      [
        'import io, json, sys, numpy as np',
        'a = np.load(io.BytesIO(sys.stdin.buffer.read()))',
        'print(json.dumps({name: [a[name].dtype.str, a[name].tolist()] for name in a.files}))',
      ].join('\n'),
      serialiseNpz(set),
    );
    expect(JSON.parse(new TextDecoder().decode(printed))).toEqual({
      features: [
        '<f4',
        [
          [1, 2],
          [-0.5, 4],
          [5, 6],
        ],
      ],
      identities: ['<i4', [-1, 0, 1501]],
      cameras: ['<i4', [1, 2, 6]],
    });
  });
});
