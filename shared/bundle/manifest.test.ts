import { describe, expect, test } from 'vitest';
import { exampleManifest } from '../../test/bundles.ts';
import { manifestSchema, modelNameSchema } from './manifest.ts';

/** The example with the value at a path replaced (or taken out, for `undefined`). */
function altered(path: string, value: unknown): unknown {
  const manifest = JSON.parse(JSON.stringify(exampleManifest()));
  const fields = path.split('.');
  const last = fields.pop() as string;
  let parent = manifest;
  for (const field of fields) parent = parent[field];
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return manifest;
}

/** The paths that the schema complains of. */
function complaints(manifest: unknown): string[] {
  const { error } = manifestSchema.safeParse(manifest);
  return (error?.issues ?? []).map(({ path }) => path.join('.'));
}

test('the example is a manifest, and survives JSON', () => {
  expect(complaints(exampleManifest())).toEqual([]);
  const manifest = manifestSchema.parse(JSON.parse(JSON.stringify(exampleManifest())));
  expect(manifest).toEqual(exampleManifest());
});

describe('every field is required', () => {
  test.each([
    'format',
    'name',
    'architecture',
    'input',
    'input.height',
    'input.width',
    'input.channels',
    'preprocessing',
    'preprocessing.resize',
    'preprocessing.invert',
    'preprocessing.mean',
    'preprocessing.deviation',
    'embedding',
    'embedding.dimension',
    'embedding.distance',
    'recipe',
    'dataset',
    'dataset.name',
    'dataset.trainImages',
    'dataset.testImages',
    'dataset.identities',
    'dataset.split',
    'scores',
  ])('%s', (path) => {
    expect(complaints(altered(path, undefined))).toContain(path);
    expect(complaints(altered(path, null))).toContain(path);
  });
});

describe('values out of range are refused where they stand', () => {
  test.each<[string, unknown]>([
    ['format', 2],
    ['format', '1'],
    ['name', ''],
    ['name', 'Digits'],
    ['name', '../digits'],
    ['architecture', ''],
    ['input.height', 0],
    ['input.height', 1025],
    ['input.width', 1.5],
    ['input.width', '28'],
    ['input.channels', 2],
    ['input.channels', 4],
    ['preprocessing.resize', 'nearest'],
    ['preprocessing.invert', 'always'],
    ['preprocessing.mean', []],
    ['preprocessing.mean', [0.1, 0.2]],
    ['preprocessing.mean', [0.1, 0.2, 0.3, 0.4, 0.5]],
    ['preprocessing.deviation', [0]],
    ['preprocessing.deviation', [-1]],
    ['preprocessing.deviation', [0.1, 0.2, 0.3]],
    ['embedding.dimension', 0],
    ['embedding.dimension', 8193],
    ['embedding.distance', 'manhattan'],
    ['dataset.trainImages', -1],
    ['dataset.identities', 0.5],
  ])('%s: %j', (path, value) => {
    expect(complaints(altered(path, value))).toContain(path);
  });

  test('and so are scores and means that are no numbers', () => {
    expect(complaints(altered('scores.mAP', 'high'))).toEqual(['scores.mAP']);
    expect(complaints({ ...exampleManifest(), scores: { mAP: Number.NaN } })).toEqual(['scores.mAP']);
    expect(complaints(altered('preprocessing.mean', ['0.1']))).toEqual(['preprocessing.mean.0']);
  });

  test('and so are fields it does not know', () => {
    expect(manifestSchema.safeParse(altered('licence', 'MIT')).success).toBe(false);
    for (const part of ['input', 'preprocessing', 'embedding', 'dataset']) {
      expect(complaints(altered(`${part}.extra`, 1)), part).toEqual([part]);
    }
  });
});

test('three channels take three means and deviations', () => {
  const rgb = exampleManifest();
  const manifest = {
    ...rgb,
    input: { ...rgb.input, channels: 3 },
    preprocessing: { ...rgb.preprocessing, mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.2, 0.2] },
  };
  expect(complaints(manifest)).toEqual([]);
  expect(complaints({ ...manifest, input: rgb.input })).toEqual([
    'preprocessing.mean',
    'preprocessing.deviation',
  ]);
});

describe('what may be left out', () => {
  test.each<[string, unknown]>([
    ['preprocessing.shorterSide', 32],
    ['preprocessing.background', [255, 255, 255]],
    ['embedding.truncatable', true],
    ['embedding.flip', true],
  ])('%s: %j', (path, value) => {
    expect(complaints(altered(path, value))).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['preprocessing.shorterSide', 27],
    ['preprocessing.shorterSide', 32.5],
    ['preprocessing.background', [255, 255]],
    ['embedding.truncatable', 'yes'],
    ['embedding.flip', 1],
  ])('and not %s: %j', (path, value) => {
    expect(complaints(altered(path, value))).toContain(path);
  });

  test('a colour has three values from 0 to 255', () => {
    expect(complaints(altered('preprocessing.background', [0, 0, 256]))).toEqual([
      'preprocessing.background.2',
    ]);
  });
});

describe('model names', () => {
  test.each(['a', '7', 'mnist-wide', 'osnet_x1.0', 'a'.repeat(64)])('%s', (name) => {
    expect(modelNameSchema.safeParse(name).success).toBe(true);
  });

  test.each(['', '-a', '.a', '_a', 'A', 'a b', 'a/b', 'ä', 'a\n', 'a'.repeat(65)])('not %j', (name) => {
    expect(modelNameSchema.safeParse(name).success).toBe(false);
  });
});
