import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { serialiseSafetensors } from '@softmargin/shared/bundle/safetensors.ts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { writePictures } from '../../test/picture-files.ts';
import { readCheckpoint } from '../loop/checkpoint.ts';
import { readRunLog } from '../loop/run-log.ts';
import { trainCommand } from './train.ts';

const root = mkdtempSync(join(tmpdir(), 'softmargin-train-command-'));
const data = join(root, 'Market');
const path = (...names: string[]) => join(root, ...names);
afterAll(() => rmSync(root, { recursive: true }));

/** Market-1501's layout: six people to train on, each before two cameras, and two to test on. */
beforeAll(async () => {
  const name = (identity: number, camera: number, shot: number) =>
    `${String(identity).padStart(4, '0')}_c${camera}s1_00000${shot}_01.jpg`;
  const people = (identities: number[], cameras: number[], shots: number[]) =>
    identities.flatMap((identity) =>
      cameras.flatMap((camera) => shots.map((shot) => name(identity, camera, shot))),
    );
  await writePictures(data, [
    ...people([1, 2, 3, 4, 5, 6], [1, 2], [1, 2]).map((file) => `bounding_box_train/${file}`),
    ...people([11, 12], [1], [1]).map((file) => `query/${file}`),
    ...people([11, 12], [2, 3], [1]).map((file) => `bounding_box_test/${file}`),
  ]);
});

/** Runs the command in this process. @returns what it prints. */
async function train(...parameters: string[]): Promise<{ out: string; err: string }> {
  const lines = { out: '', err: '' };
  const log = vi.spyOn(console, 'log').mockImplementation((text) => {
    lines.out += `${text}\n`;
  });
  const error = vi.spyOn(console, 'error').mockImplementation((text) => {
    lines.err += `${text}\n`;
  });
  try {
    const command = trainCommand(new AbortController().signal)
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    await command.parseAsync([...parameters, '--backend', 'wasm'], { from: 'user' });
    return lines;
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}

/** The recipe of the papers at a size for a test. */
const small = [
  ...['market1501', '--data', data, '--steps', '4', '--loading-threads', '1'],
  ...['--set', 'model=osnet_x0_25', '--set', 'input={"height": 64, "width": 32}'],
  ...['--set', 'sampler={"kind": "pk", "identities": 2, "pictures": 2}'],
  ...['--set', 'schedule={"name": "step", "warmupSteps": 2, "milestones": [3], "factor": 0.1}'],
];

test('a recipe of re-identification, from picture files to a bundle, with the best of its validations', async () => {
  const output = path('market');
  const broken = join(data, 'bounding_box_train', '0001_c1s1_000001_01.jpg');
  const bytes = readFileSync(broken);
  writeFileSync(broken, 'no picture');
  const { out, err } = await train(
    ...small,
    ...['--set', 'dataset.holdOut={"identities": 2, "seed": 5}'],
    ...['--set', 'validation={"every": 2, "patience": null}', '-o', output],
  );
  writeFileSync(broken, bytes);
  expect(err).toContain('market1501 has 24 training pictures here; published are 12936.');
  expect(err).toContain(`Left out: ${broken}`);

  const bundle = await readBundle(readFileSync(join(output, 'bundle.safetensors')));
  const { manifest } = bundle;
  expect(manifest.input).toEqual({ height: 64, width: 32, channels: 3 });
  expect(manifest.recipe).toMatchObject({
    model: 'osnet_x0_25',
    steps: 4,
    dataset: { name: 'market1501', holdOut: { identities: 2, seed: 5 } },
    optimiser: { name: 'adam', learningRate: 1e-3, weightDecay: 5e-4 },
  });
  expect(JSON.stringify(manifest)).not.toContain(root);
  expect(manifest.dataset).toMatchObject({ trainImages: 16, testImages: 6, identities: 4 });
  expect(Object.keys(manifest.scores)).toEqual(['mAP', 'mINP', 'cmc1']);

  const { validations } = await readRunLog(join(output, 'log.jsonl'));
  expect(validations.map(({ step }) => step)).toEqual([2, 4]);
  const [first, last] = validations.map(({ validation }) => validation.mAP);
  expect(out).toContain(`the weights of step ${first >= last ? 2 : 4} of 4`);
  const { best } = await readCheckpoint(join(output, 'checkpoint.safetensors'));
  expect([...bundle.tensors]).toEqual([...(best?.parameters ?? [])]);

  const report = readFileSync(join(output, 'report.html'), 'utf8');
  for (const heading of ['Loss', 'Learning rate', 'Validation', 'The embedding', 'Ranked lists']) {
    expect(report).toContain(`<h2>${heading}</h2>`);
  }
  expect(report).toMatch(/class="(match|wrong)"/);
  const sources = [...report.matchAll(/(?:src|href)="([^"]{0,22})/g)].map(([, source]) => source);
  expect(sources.filter((source) => source !== 'data:image/png;base64,')).toEqual([]);
});

test('starts from the weights of a state dict, which the bundle names', async () => {
  await train(...small, '--steps', '1', '-o', path('first'));
  const { tensors } = await readBundle(readFileSync(path('first', 'bundle.safetensors')));
  const dict = path('osnet.safetensors');
  writeFileSync(dict, serialiseSafetensors({ tensors, metadata: {} }));
  await train(
    ...small,
    ...['--pretrained', dict, '--steps', '1', '-o', path('second')],
    ...['--set', 'optimiser.learningRate=1e-30'],
  );
  const second = await readBundle(readFileSync(path('second', 'bundle.safetensors')));
  expect(second.manifest.recipe.pretrained).toMatch(/^osnet\.safetensors, SHA-256 [0-9a-f]{64}$/);
  const name = 'conv2.0.conv1.conv.weight';
  expect(second.tensors.get(name)).toEqual(tensors.get(name));
  expect(tensors.get(name)?.data.some((value) => value !== 0)).toBe(true);
});

test.each([
  ['a field that is not there', ['--set', 'optimizer.learningRate=1'], 'The recipe has no field "optimizer"'],
  [
    'a data set without its files',
    ['omniglot'],
    'The data set omniglot needs the place of its files (--data)',
  ],
  ['a folder that is not there', ['market1501', '--data', '/nowhere'], '/nowhere'],
  ['an input that does not fit', ['--set', 'input={"height": 20, "width": 20}'], 'mnist-wide takes 28×28'],
  ['weights of another network', ['--pretrained', '%dict%'], 'The state dict does not fit mnist-wide'],
  [
    'channels that do not fit',
    ['--set', 'preprocessing.channels={"mean": [0, 0, 0], "deviation": [1, 1, 1]}'],
    'has 3 values of mean; mnist-wide takes 1 channels',
  ],
])('%s is an error that names it', async (_, parameters, message) => {
  const output = path('refused');
  const given = parameters.map((parameter) => parameter.replace('%dict%', path('osnet.safetensors')));
  await expect(train(...given, '-o', output)).rejects.toThrow(message);
  expect(existsSync(join(output, 'checkpoint.safetensors'))).toBe(false);
});

test('what is no recipe is refused with the recipes that there are', async () => {
  await expect(train('mnist-tiny')).rejects.toThrow(/Allowed choices are mnist-wide, .*veri776/);
});
