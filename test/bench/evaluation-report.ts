import { styleText } from 'node:util';
import type { EmbeddingKind } from './embeddings.ts';
import { type EvaluationSize, SORTED_SHARE } from './evaluation.ts';
import { median } from './median.ts';
import { type Runtime, startNode, startWorkerd } from './runtimes.ts';

/** Market-1501: its queries, and its gallery without junk. */
const QUERIES = 3_368;
const GALLERY = 15_913;
const DIMENSIONS = [512, 2048];
const KINDS: readonly EmbeddingKind[] = ['random', 'clustered'];
/** How often product and ranking are measured in turn; the medians are reported. */
const REPEATS = 3;
const LARGE: EvaluationSize = {
  queries: 1_000,
  gallery: 1_000_000,
  dimension: 512,
  kind: 'random',
  streamed: true,
};

/** One line of the report. Seconds are of processor time, where the system tells: other programs change little. */
export interface EvaluationFigures {
  readonly runtime: Runtime['name'];
  readonly embeddings: EmbeddingKind;
  readonly dimension: number;
  readonly mAP: number | null;
  /** tfjs's bare product of the same sizes. */
  readonly productSeconds: number;
  /** Ours, ranking included. */
  readonly totalSeconds: number;
  /** The median of total over product, each pair measured in turn. */
  readonly ratio: number;
  /** Our products and a sort of every query's gallery, scaled up from an eighth of the queries. */
  readonly sortBasedSeconds: number;
  /** The kernel's memory and every typed array. */
  readonly peakBytes: number;
  /** Distances of 64 queries in double precision: by the kernel, and how many times that loops in JavaScript take. */
  readonly distanceSeconds: number;
  readonly distanceSpeedUp: number;
  /** Of the whole: 2 · queries · gallery · dimension over `totalSeconds`. */
  readonly gflops: number;
}

export interface EvaluationReport {
  readonly queries: number;
  readonly gallery: number;
  readonly runs: readonly EvaluationFigures[];
  /** The power of the gallery's and of the queries' size that the cost grows with, in workerd. */
  readonly exponents: { readonly gallery: number; readonly queries: number };
  /** Queries against a gallery that is made as it streams, in workerd; making it is in the time. */
  readonly large: {
    readonly queries: number;
    readonly gallery: number;
    readonly dimension: number;
    readonly totalSeconds: number;
    readonly peakBytes: number;
  };
}

/** Measures everything, which takes some minutes. @param note is told what is being measured. */
export async function measureEvaluation(note: (line: string) => void): Promise<EvaluationReport> {
  const workerd = await startWorkerd();
  try {
    const runs = await measureSizes(workerd, note);
    note('workerd, growth with the gallery and with the queries');
    const exponents = {
      gallery: await exponent(workerd, 'gallery', [4_000, 8_000, 16_000]),
      queries: await exponent(workerd, 'queries', [1_000, 2_000, 4_000]),
    };
    note(`workerd, ${LARGE.queries} × ${LARGE.gallery} × ${LARGE.dimension}, streamed`);
    await workerd.run('prepare', LARGE);
    const { seconds, outcome } = await workerd.run('rank', LARGE);
    const { queries, gallery, dimension } = LARGE;
    const large = { queries, gallery, dimension, totalSeconds: seconds, peakBytes: outcome?.peakBytes ?? 0 };
    await workerd.stop();
    runs.push(...(await measureSizes(await startNode(), note)));
    return { queries: QUERIES, gallery: GALLERY, runs, exponents, large };
  } finally {
    await workerd.stop();
  }
}

async function measureSizes(runtime: Runtime, note: (line: string) => void): Promise<EvaluationFigures[]> {
  const runs: EvaluationFigures[] = [];
  for (const dimension of DIMENSIONS) {
    for (const kind of KINDS) {
      const run = await measureSize(runtime, sizeOf({ dimension, kind }));
      note(`${runtime.name}, ${dimension}-d, ${kind}: ratio ${run.ratio.toFixed(2)}`);
      runs.push(run);
    }
  }
  return runs;
}

function sizeOf(part: Partial<EvaluationSize>): EvaluationSize {
  return { queries: QUERIES, gallery: GALLERY, dimension: 512, kind: 'random', streamed: false, ...part };
}

async function measureSize(runtime: Runtime, size: EvaluationSize): Promise<EvaluationFigures> {
  await runtime.run('prepare', size);
  // Once for nothing: code is compiled while it runs.
  await runtime.run('product', size);
  await runtime.run('rank', size);
  const products: number[] = [];
  const totals: number[] = [];
  let last: Awaited<ReturnType<Runtime['run']>> | undefined;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    products.push((await runtime.run('product', size)).seconds);
    last = await runtime.run('rank', size);
    totals.push(last.seconds);
  }
  await runtime.run('distances', size);
  const distances: number[] = [];
  const loops: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    distances.push((await runtime.run('distances', size)).seconds);
    loops.push((await runtime.run('loops', size)).seconds);
  }
  const totalSeconds = median(totals);
  return {
    runtime: runtime.name,
    embeddings: size.kind,
    dimension: size.dimension,
    mAP: last?.outcome?.mAP ?? null,
    productSeconds: median(products),
    totalSeconds,
    ratio: median(totals.map((total, i) => total / products[i])),
    sortBasedSeconds: SORTED_SHARE * (await runtime.run('sort', size)).seconds,
    peakBytes: last?.outcome?.peakBytes ?? 0,
    distanceSeconds: median(distances),
    distanceSpeedUp: median(loops.map((each, i) => each / distances[i])),
    gflops: (2 * size.queries * size.gallery * size.dimension) / totalSeconds / 1e9,
  };
}

/** The slope of log(seconds) over log(size), by least squares. */
async function exponent(
  runtime: Runtime,
  what: 'gallery' | 'queries',
  sizes: readonly number[],
): Promise<number> {
  const points: [number, number][] = [];
  for (const length of sizes) {
    const size = sizeOf({ [what]: length });
    await runtime.run('prepare', size);
    const seconds: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) seconds.push((await runtime.run('rank', size)).seconds);
    points.push([Math.log(length), Math.log(median(seconds))]);
  }
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

/** The report as a table for people. */
export function renderEvaluation({ queries, gallery, runs, exponents, large }: EvaluationReport): string {
  const number = (value: number) => value.toLocaleString('en-US');
  const columns = [
    'runtime',
    'embeddings',
    'dim',
    'mAP',
    'product',
    'total',
    'ratio',
    'sorting',
    'peak',
    'GFLOP/s',
    'float64',
  ];
  const rows = runs.map((run) => [
    run.runtime,
    run.embeddings,
    String(run.dimension),
    run.mAP === null ? '–' : run.mAP.toFixed(3),
    `${run.productSeconds.toFixed(2)} s`,
    `${run.totalSeconds.toFixed(2)} s`,
    run.ratio.toFixed(2),
    `${run.sortBasedSeconds.toFixed(2)} s`,
    `${(run.peakBytes / 1e6).toFixed(1)} MB`,
    run.gflops.toFixed(1),
    `${run.distanceSpeedUp.toFixed(1)}×`,
  ]);
  const widths = columns.map((title, c) => Math.max(title.length, ...rows.map((row) => row[c].length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, c) => (c < 2 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('  ');
  return [
    styleText('bold', `Evaluation, ${number(queries)} queries × ${number(gallery)} gallery items`),
    '',
    styleText('dim', line(columns)),
    ...rows.map(line),
    '',
    'product: the bare product by tfjs · total: ours, ranking included · ratio: total over product',
    'float64: how many times faster distances in double precision are than by loops in JavaScript',
    `Growth in workerd: gallery^${exponents.gallery.toFixed(2)}, queries^${exponents.queries.toFixed(2)}`,
    `${number(large.queries)} × ${number(large.gallery)} × ${large.dimension}, made as it streams, in workerd: ${large.totalSeconds.toFixed(0)} s, ${(large.peakBytes / 1e6).toFixed(1)} MB`,
  ].join('\n');
}
