import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '@softmargin/shared/random.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBackend } from '../../test/backends.ts';
import type { DatasetSplit } from '../datasets/dataset.ts';
import { mnistWide } from '../recipes/mnist-wide.ts';
import { overrideRecipe } from '../recipes/override.ts';
import { type Experiment, planRuns } from './experiment.ts';
import { experiments } from './experiments.ts';
import { type ExperimentSetup, runExperiment } from './run-experiment.ts';
import { measureTable } from './table.ts';

const random = createRandom(3);
const split: DatasetSplit = {
  name: 'noise',
  description: 'drawn by a seed',
  train: {
    name: 'noise',
    count: 12,
    height: 28,
    width: 28,
    channels: 1,
    pixels: Uint8Array.from({ length: 12 * 784 }, () => random.integer(256)),
    identities: Int32Array.from({ length: 12 }, (_, i) => i % 3),
    cameras: new Int32Array(12),
  },
  warnings: [],
};

/** Its measure is known beforehand: the scale of the softmax and the seed. */
const experiment: Experiment = {
  name: 'scales',
  title: 'Scales',
  introduction: 'Which scale?',
  recipe: overrideRecipe(mnistWide, [
    'steps=4',
    'sampler={"kind": "pk", "identities": 2, "pictures": 2}',
    'losses=[{"name": "normalised-softmax"}]',
  ]),
  variants: new Map([
    ['low', ['losses.0.scale=5']],
    ['high', ['losses.0.scale=20']],
  ]),
  async measure({ recipe, trained }) {
    const [softmax] = recipe.losses;
    const scale = softmax.name === 'normalised-softmax' ? softmax.scale : 0;
    return {
      numbers: { mAP: scale + recipe.seed, steps: trained.steps },
      figures: { dot: `<svg>${scale}</svg>` },
    };
  },
  render: (results) => ({
    markdown: measureTable(results, [{ key: 'mAP', heading: 'mAP', digits: 1 }], results.variants),
    figures: new Map(results.results.map(({ name, figures }) => [`${name}.svg`, figures.dot])),
  }),
};

const root = mkdtempSync(join(tmpdir(), 'softmargin-experiment-'));
beforeAll(() => startBackend('wasm'));
afterAll(() => rmSync(root, { recursive: true }));

let count = 0;

function setupOf(seeds: number, overrides: readonly string[] = []): ExperimentSetup {
  const directory = join(root, `${count++}`);
  return {
    experiment,
    planned: planRuns(experiment, { seeds, overrides, only: [] }),
    part: { index: 0, of: 1 },
    directory,
    pages: join(directory, 'pages'),
    open: async () => split,
    backend: 'wasm',
    loadingThreads: 0,
    signal: new AbortController().signal,
  };
}

const finished = ({ directory }: ExperimentSetup) => readdirSync(join(directory, 'results')).sort();
const pageOf = ({ pages }: ExperimentSetup) => readFileSync(join(pages, 'scales.md'), 'utf8');
const neverOpened = () => Promise.reject(new Error('It trained again.'));

test('every variant is trained with every seed, and the page has their means', async () => {
  const setup = setupOf(3);
  await runExperiment(setup);
  expect(finished(setup)).toEqual(
    ['high', 'low'].flatMap((variant) => [1, 2, 3].map((seed) => `${variant}-seed-${seed}.json`)),
  );
  const page = pageOf(setup);
  // 5 + {1, 2, 3}: mean 7, deviation 1, interval 4.303 / √3.
  expect(page).toContain('| low | 7.0 ± 2.5 |');
  expect(page).toContain('| high | 22.0 ± 2.5 |');
  expect(page).toContain('2 variants with 3 seeds each: 6 runs of 4 steps');
  expect(page).toContain('Data: noise, drawn by a seed (12 training pictures).');
  expect(page).not.toMatch(/Unfinished|Reduced|Few seeds|A part/);
  expect(readFileSync(join(setup.pages, 'scales', 'low-seed-1.svg'), 'utf8')).toBe('<svg>5</svg>');
});

test('finished runs are not trained again; one that is missing is', async () => {
  const setup = setupOf(1);
  await runExperiment(setup);
  await runExperiment({ ...setup, open: neverOpened });

  const result = (name: string) => join(setup.directory, 'results', `${name}.json`);
  const kept = statSync(result('low-seed-1')).mtimeMs;
  rmSync(result('high-seed-1'));
  await expect(runExperiment({ ...setup, open: neverOpened })).rejects.toThrow('It trained again.');
  await runExperiment(setup);
  expect(finished(setup)).toEqual(['high-seed-1.json', 'low-seed-1.json']);
  expect(statSync(result('low-seed-1')).mtimeMs).toBe(kept);
});

test('two processes share the runs between them', async () => {
  const setup = setupOf(2);
  await runExperiment({ ...setup, part: { index: 1, of: 2 } });
  expect(finished(setup)).toEqual(['high-seed-1.json', 'high-seed-2.json']);
  expect(pageOf(setup)).toContain('**Unfinished**: 2 of 4 runs are missing.');
  await runExperiment({ ...setup, part: { index: 0, of: 2 } });
  expect(finished(setup)).toHaveLength(4);
  expect(pageOf(setup)).not.toContain('Unfinished');
});

test('a run that was interrupted goes on from its checkpoint', async () => {
  const setup = setupOf(1);
  const stopping = new AbortController();
  stopping.abort(new Error('stopped'));
  await expect(runExperiment({ ...setup, signal: stopping.signal })).rejects.toThrow('stopped');
  expect(existsSync(join(setup.directory, 'results'))).toBe(false);
  await runExperiment(setup);
  const log = readFileSync(join(setup.directory, 'runs', 'low-seed-1', 'log.jsonl'), 'utf8');
  expect(
    log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).step),
  ).toEqual([1, 2, 3, 4]);
});

test('a smaller budget is said on the page, and results of another budget count for nothing', async () => {
  const setup = setupOf(1);
  await runExperiment(setup);
  const reduced = {
    ...setupOf(1, ['steps=2']),
    directory: join(setup.directory, 'again'),
    pages: setup.pages,
  };
  await runExperiment(reduced);
  expect(pageOf(setup)).toContain("**Reduced**: the experiment's own budget is 4 steps a run.");
  expect(pageOf(setup)).toContain('**Few seeds**');
  const mixed = { ...reduced, directory: setup.directory, open: neverOpened };
  await expect(runExperiment(mixed)).rejects.toThrow('It trained again.');
});

test('a result that is damaged is named', async () => {
  const setup = setupOf(1);
  await runExperiment(setup);
  const path = join(setup.directory, 'results', 'low-seed-1.json');
  writeFileSync(path, '{"name":');
  await expect(runExperiment(setup)).rejects.toThrow(`${path} is not the result of a run`);
});

describe('plans', () => {
  test('variants are chosen by a word; one that nothing has is an error that lists them', () => {
    const plan = (...only: string[]) => planRuns(experiment, { seeds: 2, overrides: [], only });
    expect(plan('hig').map(({ name }) => name)).toEqual(['high-seed-1', 'high-seed-2']);
    expect(() => plan('middle')).toThrow('scales has no variant with middle; it has low, high.');
  });

  test.each([...experiments.values()])('$name has recipes for all of its variants', (one) => {
    const planned = planRuns(one, { seeds: 1, overrides: [], only: [] });
    expect(planned).toHaveLength(one.variants.size);
    const losses = new Set(planned.map(({ recipe }) => JSON.stringify(recipe.losses)));
    expect(losses.size).toBe(one.variants.size);
    for (const { name } of planned) expect(name).toMatch(/^[a-z0-9+-]+$/);
  });
});
