import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SoftmarginClient } from '@softmargin/client';
import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import type { EvaluationResult } from '@softmargin/shared/metrics/summary.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { tensorFeatures } from '@softmargin/shared/models/tensor-features.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { startWasmBackend } from '../backend/wasm.ts';
import { type ImageDataset, type Split, splitByPicture } from '../datasets/dataset.ts';
import { digitsSplit, loadDigits } from '../datasets/digits.ts';
import { embedDataset } from '../embedding/embed-dataset.ts';
import { loadKernel } from '../evaluation/kernel.ts';
import { describe } from '../export/describe.ts';
import { exportBundle } from '../export/export-bundle.ts';
import { train } from '../loop/train.ts';
import { mnistToy } from '../recipes/mnist-toy.ts';
import { mnistWide } from '../recipes/mnist-wide.ts';
import { pngOf } from '../reporting/png.ts';
import { rankedExamples } from '../reporting/ranked-examples.ts';
import { ProgressBars } from '../terminal/progress.ts';
import { renderReport } from './report.ts';
import { renderSummary } from './summary.ts';
import { trainToy } from './toy-training.ts';
import { startWorker } from './worker-process.ts';

export interface DemoOptions {
  /** Takes the report, the result, the sets and the bundles. */
  readonly output: string;
  /** Directory of MNIST's IDX files; the package's 10,000 digits without. */
  readonly digits: string | undefined;
  readonly steps: number;
  readonly toySteps: number;
  readonly signal: AbortSignal;
}

/** What the demo found: as result.json has it, and as a person reads it. */
export interface DemoResult {
  readonly summary: object;
  readonly text: string;
}

const MODEL = 'digits';
const EVALUATION = {
  query: 'digits-query',
  gallery: 'digits-gallery',
  protocol: 'none',
  distance: 'cosine',
} as const;

/** Held-out digits that ask; the others are the gallery. */
const QUERY_FRACTION = 0.25;
/** More are not embedded over HTTP, so that the demo takes as long with all of MNIST. */
const MAX_HELD_OUT = 2000;
const SAMPLE_SEED = 7;
const PICTURES_PER_REQUEST = 50;

/**
 * The whole path on real digits: trains, exports a bundle, serves it from the Worker, embeds held-out
 * digits over HTTP, evaluates them with a job, and writes a report. Tells how far it is on standard error.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { output, signal } = options;
  await mkdir(output, { recursive: true });
  await startWasmBackend();
  const split = await loadDigits(options.digits);
  console.error(`Training on ${split.train.count} digits, testing on ${split.test.count} others.\n`);

  const bars = new ProgressBars();
  try {
    const { bundle, toyBundle } = await trainBoth(options, split, bars);
    const { query, gallery, all } = heldOutSets(split.test);
    const job = await serveAndEvaluate(bundle, query, gallery, options, bars);
    const local = await evaluate(loadKernel(), EVALUATION, job.sets.query, job.sets.gallery);
    bars.stop();

    const toy = ServingModel.load(await readBundle(toyBundle), tensorFeatures);
    const { set: circle } = await embedDataset(toy, all);
    toy.dispose();
    const examples = await rankedExamples(job.sets, EVALUATION, {
      query: (index) => pngOf(query, index),
      gallery: (index) => pngOf(gallery, index),
    });
    const { manifest } = await readBundle(bundle);
    const report = await renderReport({ manifest, result: job.result, circle, examples });
    await writeFile(join(output, 'report.html'), report);
    const summary = {
      ...job.result,
      sets: { query: 'query.npz', gallery: 'gallery.npz' },
      evaluation: { id: job.id, ...EVALUATION },
    };
    await writeFile(join(output, 'result.json'), `${JSON.stringify(summary, null, 2)}\n`);
    signal.throwIfAborted();
    return { summary, text: renderSummary({ result: job.result, local, query, gallery, output }) };
  } finally {
    bars.stop();
  }
}

async function trainBoth(
  { output, digits, steps, toySteps, signal }: DemoOptions,
  split: Split,
  bars: ProgressBars,
): Promise<{ bundle: Uint8Array; toyBundle: Uint8Array }> {
  const recipe = { ...mnistWide, steps };
  const ranked = digitsSplit(split);
  const manifest = describe(MODEL, recipe, ranked);
  const progress = bars.start('Train the 32-d embedding', steps);
  const toyProgress = bars.start('Train 2-d, for the figure', toySteps);
  const toyTask = { steps: toySteps, digits, directory: join(output, mnistToy.model) };
  const note = (loss: number) => `loss ${loss.toFixed(3)}`;

  const [{ parameters }, toyBundle] = await Promise.all([
    train({
      recipe,
      split: ranked,
      manifest,
      directory: join(output, recipe.model),
      resume: false,
      checkpointEvery: 100,
      onStep: ({ step, loss }) => progress.update(step, note(loss)),
      signal,
    }),
    trainToy(toyTask, (step, loss) => toyProgress.update(step, note(loss)), signal),
  ]);
  const { bytes: bundle } = await exportBundle(manifest, parameters, ranked.test);
  await writeFile(join(output, `${MODEL}.safetensors`), bundle);
  return { bundle, toyBundle };
}

interface Sets {
  readonly query: EmbeddingSet;
  readonly gallery: EmbeddingSet;
}

async function serveAndEvaluate(
  bundle: Uint8Array,
  query: ImageDataset,
  gallery: ImageDataset,
  { output, signal }: DemoOptions,
  bars: ProgressBars,
): Promise<{ id: string; result: EvaluationResult; sets: Sets }> {
  const state = await mkdtemp(join(tmpdir(), 'softmargin-demo-'));
  const starting = bars.start('Start the Worker', 1);
  const worker = await startWorker(state);
  const stop = () => void worker.stop();
  signal.addEventListener('abort', stop);
  try {
    starting.update(1);
    const service = new SoftmarginClient({ url: worker.url, key: worker.key });
    await service.models.put(MODEL, bundle, signal);

    const embedding = bars.start('Embed over HTTP', query.count + gallery.count);
    const sets = {
      query: await embedOverHttp(service, query, (done) => embedding.update(done)),
      gallery: await embedOverHttp(service, gallery, (done) => embedding.update(query.count + done)),
    };
    for (const name of ['query', 'gallery'] as const) {
      await writeFile(join(output, `${name}.npz`), serialiseNpz(sets[name]));
      await service.sets.putEmbeddings(EVALUATION[name], sets[name], { signal });
    }

    let evaluating: ReturnType<ProgressBars['start']> | undefined;
    const { id } = await service.evaluations.create(EVALUATION, { signal });
    const { state, result, error } = await service.evaluations.wait(id, {
      onProgress: ({ progress: { shards } }) => {
        if (shards.total === 0) return;
        evaluating ??= bars.start('Evaluation job', shards.total);
        evaluating.update(shards.done);
      },
      signal,
    });
    if (result === undefined) throw new Error(`The evaluation ${state}: ${error?.message}`);
    return { id, result, sets };
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.stop();
    await rm(state, { recursive: true, force: true });
  }
}

async function embedOverHttp(
  service: SoftmarginClient,
  dataset: ImageDataset,
  onProgress: (done: number) => void,
): Promise<EmbeddingSet> {
  const rows: Float32Array[] = [];
  for (let start = 0; start < dataset.count; start += PICTURES_PER_REQUEST) {
    const end = Math.min(start + PICTURES_PER_REQUEST, dataset.count);
    const pictures = await Promise.all(
      Array.from({ length: end - start }, (_, i) => pngOf(dataset, start + i)),
    );
    const embedded = await service.embeddings.create(pictures, { model: MODEL });
    const [refused] = embedded.errors;
    if (refused !== undefined) throw new Error(`Picture ${start + refused.index}: ${refused.message}`);
    rows.push(...(embedded.rows as Float32Array[]));
    onProgress(rows.length);
  }
  const { count, identities, cameras } = dataset;
  const dimension = rows[0].length;
  const features = new Float32Array(count * dimension);
  for (const [i, row] of rows.entries()) features.set(row, i * dimension);
  return { count, dimension, features, identities, cameras };
}

/** The held-out digits that the demo embeds: the ones that ask and the ones that are the gallery. */
export function heldOutSets(test: ImageDataset): {
  query: ImageDataset;
  gallery: ImageDataset;
  all: ImageDataset;
} {
  const fraction = Math.min(1, MAX_HELD_OUT / test.count);
  const [, all] = splitByPicture(test, fraction, SAMPLE_SEED);
  const [gallery, query] = splitByPicture(all, QUERY_FRACTION, SAMPLE_SEED);
  return { query, gallery, all };
}
