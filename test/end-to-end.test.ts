import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { tensorFeatures } from '@softmargin/shared/models/tensor-features.ts';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDigits } from '../training/datasets/digits.ts';
import { heldOutSets } from '../training/demo/run.ts';
import { embedDataset } from '../training/embedding/embed-dataset.ts';
import { expectAllClose } from './allclose.ts';
import { startBackend } from './backends.ts';

/**
 * The demo as a newcomer runs it, with fewer steps: real training, a real Worker in workerd, real HTTP. What
 * it reports is computed again here from the sets it uploaded, by sorting.
 */
const cli = ['training/softmargin.mjs'];
const output = mkdtempSync(join(tmpdir(), 'softmargin-end-to-end-'));
let printed = '';
let exitCode: number | null = null;

beforeAll(async () => {
  const demo = spawn(
    process.execPath,
    [...cli, 'demo', '--steps', '40', '--toy-steps', '5', '--output', output],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (chunk) => (printed += chunk));
  [exitCode] = await once(demo, 'close');
}, 240_000);

afterAll(() => rmSync(output, { recursive: true, force: true }));

test('ends well and prints the table', () => {
  expect(exitCode, printed).toBe(0);
  expect(printed).toMatch(/mAP +\d+\.\d\d %\n +CMC-1 .*\n +CMC-5 .*\n +CMC-10 .*\n +mINP /);
  expect(printed).toContain('The same evaluation in Node gives the same bits.');
});

test('reports what its own uploaded sets give when they are ranked by sorting', () => {
  const result = JSON.parse(readFileSync(join(output, 'result.json'), 'utf8'));
  const query = readSet(join(output, result.sets.query));
  const gallery = readSet(join(output, result.sets.gallery));
  const expected = scoreBySorting(query, gallery);

  expect(result.validQueries).toBe(query.identities.length);
  expect(result.skippedQueries).toBe(0);
  expectAllClose(
    [result.mAP, result.mINP, result.cmc[1], result.cmc[5], result.cmc[10]],
    [expected.mAP, expected.mINP, expected.cmc1, expected.cmc5, expected.cmc10],
    1e-6,
  );
  expect(result.mAP).toBeGreaterThan(0.6);
  expect(result.mAPTrapezoid).toBeLessThan(result.mAP);
});

test('the command line evaluates the same files to the same bits', () => {
  const { mAP, mINP, cmc } = JSON.parse(readFileSync(join(output, 'result.json'), 'utf8'));
  const files = ['--query', join(output, 'query.npz'), '--gallery', join(output, 'gallery.npz')];
  const { stdout, stderr } = spawnSync(process.execPath, [...cli, 'evaluate', ...files, '--json']);
  expect(stderr.toString()).toBe('');
  expect(JSON.parse(stdout.toString())).toMatchObject({ mAP, mINP, cmc });
});

test('what the Worker served is what the network gives in Node', async () => {
  await startBackend('wasm');
  const model = ServingModel.load(
    await readBundle(readFileSync(join(output, 'digits.safetensors'))),
    tensorFeatures,
  );
  const { query } = heldOutSets((await loadDigits(undefined)).test);
  const { set: expected } = await embedDataset(model, query);
  const served = readSet(join(output, 'query.npz'));
  expect(served.identities).toEqual([...query.identities]);
  expectAllClose(served.rows.flat(), expected.features, 1e-4, 'features');
  for (const [i, row] of served.rows.entries()) {
    const here = expected.features.subarray(i * row.length, (i + 1) * row.length);
    const cosine = row.reduce((sum, value, k) => sum + value * here[k], 0);
    expect(1 - cosine / (Math.hypot(...row) * Math.hypot(...here))).toBeLessThan(1e-6);
  }
});

test('leaves a report that needs nothing from elsewhere', () => {
  const report = readFileSync(join(output, 'report.html'), 'utf8');
  const sources = [...report.matchAll(/(?:src|href)="([^"]{0,40})/g)].map(([, source]) => source);
  expect(sources.length).toBeGreaterThan(100);
  expect(sources.filter((source) => !source.startsWith('data:image/png;base64,'))).toEqual([]);
  expect(report.match(/<svg/g)?.length).toBe(2);
});

test.runIf(process.platform === 'linux')('leaves nothing running', () => {
  const left = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => commandLine(pid).includes('softmargin-demo-'));
  expect(left.map(commandLine)).toEqual([]);
});

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

interface PlainSet {
  readonly rows: number[][];
  readonly identities: number[];
}

/** Reads what `numpy.savez` would have written: version 1 arrays of `<f4` and `<i4` in C order. */
function readSet(path: string): PlainSet {
  const entries = unzipSync(readFileSync(path));
  const data = (name: string) => {
    const bytes = entries[`${name}.npy`];
    return bytes.slice(10 + bytes[8] + 256 * bytes[9]).buffer;
  };
  const identities = [...new Int32Array(data('identities'))];
  const features = new Float32Array(data('features'));
  const dimension = features.length / identities.length;
  const rows = identities.map((_, i) => [...features.subarray(i * dimension, (i + 1) * dimension)]);
  return { rows, identities };
}

function scoreBySorting(query: PlainSet, gallery: PlainSet) {
  const unit = (row: number[]) => {
    const length = Math.hypot(...row);
    return row.map((value) => value / length);
  };
  const items = gallery.rows.map(unit);
  const scores = query.rows.map((row, q) => {
    const direction = unit(row);
    const similarities = items.map((item) => item.reduce((sum, value, k) => sum + value * direction[k], 0));
    const order = items.map((_, j) => j).sort((a, b) => similarities[b] - similarities[a] || a - b);
    const ranks = order.flatMap((item, place) =>
      gallery.identities[item] === query.identities[q] ? [place + 1] : [],
    );
    return {
      ap: ranks.reduce((sum, rank, found) => sum + (found + 1) / rank, 0) / ranks.length,
      inp: ranks.length / ranks[ranks.length - 1],
      first: ranks[0],
    };
  });
  const mean = (value: (score: (typeof scores)[number]) => number) =>
    scores.reduce((sum, score) => sum + value(score), 0) / scores.length;
  return {
    mAP: mean(({ ap }) => ap),
    mINP: mean(({ inp }) => inp),
    cmc1: mean(({ first }) => Number(first <= 1)),
    cmc5: mean(({ first }) => Number(first <= 5)),
    cmc10: mean(({ first }) => Number(first <= 10)),
  };
}
