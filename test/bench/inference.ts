import { styleText } from 'node:util';
import { architectures } from '../../shared/models/architectures.ts';
import type { Architecture } from '../../shared/models/layers.ts';
import { summarise } from '../../shared/models/summary.ts';
import type { IsolateMemory } from '../isolate-memory.ts';
import { type BenchWorker, startBenchWorker } from './bench-worker.ts';
import type { InferenceRequest } from './inference-request.ts';
import { INSTALL_ONNXRUNTIME, OnnxRuntime } from './onnxruntime.ts';
import { PeerComparison } from './peer.ts';

const MODELS = ['osnet_x1_0', 'osnet_x0_25', 'mobilenet_v2'];
const BATCHES = [1, 8];
/** How often each is measured, in turn with its peers. The least counts: other work can only add. */
const REPEATS = 5;
/** Multiply-adds of one measurement: long beside a request, short beside what else the machine does. */
const WORK = 4e9;
const SQUARE = 512;
const REQUESTS = 10_000;
const REQUESTS_AT_ONCE = 8;

/** One network and batch. Times are the processor's, where the system tells them, otherwise the clock's. */
export interface InferenceFigures {
  readonly model: string;
  readonly input: string;
  readonly batch: number;
  readonly multiplyAdds: number;
  readonly msPerImage: number;
  /** Of convolutions and fully connected layers. */
  readonly gflops: number;
  /** Our time over that of tfjs's bare products of as many multiply-adds. */
  readonly ratio: number;
  /** The same network by tfjs's fused kernels, in the same run. */
  readonly tfjsMsPerImage: number;
  /** tfjs's time over ours. */
  readonly speedup: number;
  /** Beside onnxruntime-web in this Node, where that is installed. */
  readonly node?: NodeFigures;
}

/** The same network and batch outside workerd. */
export interface NodeFigures {
  readonly msPerImage: number;
  readonly onnxruntimeMsPerImage: number;
  /** onnxruntime-web's time over ours, both in Node. */
  readonly speedup: number;
  /** Its time in Node over ours in workerd, which checks the bounds of every load. */
  readonly workerdSpeedup: number;
}

export interface InferenceReport {
  readonly runs: readonly InferenceFigures[];
  /** The version that the figures of Node are of; none where it is not installed. */
  readonly onnxruntimeWeb?: string;
  /** From the first request to a new isolate until its embedding is there: start of tfjs, decoder and model. */
  readonly firstEmbeddingMs: number;
  readonly steady: {
    readonly requests: number;
    readonly before: IsolateMemory;
    readonly after: IsolateMemory;
  };
  /** By network: milliseconds of one picture by kind of layer. */
  readonly profiles?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Measures all of it in workerd, which takes some minutes. */
export async function measureInference(
  withProfile: boolean,
  note: (line: string) => void,
): Promise<InferenceReport> {
  const worker = await startBenchWorker('inference.ts');
  const ask = async (request: InferenceRequest) => worker.ask(request);
  const onnxruntime = await OnnxRuntime.start();
  if (onnxruntime === undefined) note(`without onnxruntime-web, which ${INSTALL_ONNXRUNTIME} brings`);
  try {
    const first = await ask({ operation: 'embed a picture' });
    const firstEmbeddingMs = 1000 * (first.processorSeconds ?? first.seconds);
    note(`first embedding: ${firstEmbeddingMs.toFixed(0)} ms`);
    const runs: InferenceFigures[] = [];
    const profiles: Record<string, Record<string, number>> = {};
    for (const model of MODELS) {
      await ask({ operation: 'load', model });
      const architecture = architectures.get(model) as Architecture;
      const peer = onnxruntime && (await PeerComparison.load(onnxruntime, architecture));
      for (const batch of BATCHES) {
        const figures = await measureModel(worker, peer, architecture, batch);
        runs.push(figures);
        note(`${model}, batch ${batch}: ${figures.msPerImage.toFixed(1)} ms`);
      }
      await peer?.release();
      if (withProfile) {
        profiles[model] = (await ask({ operation: 'profile', times: 100 })).answer as Record<string, number>;
      }
    }
    // In an isolate of its own: tfjs at batch 8 leaves a large heap behind.
    await worker.stop();
    note(`memory over ${REQUESTS} requests`);
    const fresh = await startBenchWorker('inference.ts');
    const steady = await measureSteadiness(fresh).finally(() => fresh.stop());
    return {
      runs,
      ...(onnxruntime && { onnxruntimeWeb: onnxruntime.version }),
      firstEmbeddingMs,
      steady,
      ...(withProfile && { profiles }),
    };
  } finally {
    await worker.stop();
  }
}

async function measureModel(
  worker: BenchWorker,
  peer: PeerComparison | undefined,
  architecture: Architecture,
  batch: number,
): Promise<InferenceFigures> {
  const { height, width, channels } = architecture.input;
  const { multiplyAdds } = summarise(architecture, architecture.input);
  const times = Math.max(1, Math.round(WORK / (batch * multiplyAdds)));
  const products = Math.round(WORK / SQUARE ** 3);
  const seconds = async (request: InferenceRequest) => {
    const taken = await worker.ask(request);
    return taken.processorSeconds ?? taken.seconds;
  };

  let ours = Number.POSITIVE_INFINITY;
  let tfjs = Number.POSITIVE_INFINITY;
  let product = Number.POSITIVE_INFINITY;
  let oursInNode = Number.POSITIVE_INFINITY;
  let onnxruntime = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const embed = { operation: 'embed', batch, times } as const;
    ours = Math.min(ours, (await seconds({ ...embed, by: 'kernels' })) / (times * batch));
    tfjs = Math.min(tfjs, (await seconds({ ...embed, by: 'tfjs' })) / (times * batch));
    const took = await seconds({ operation: 'multiply', size: SQUARE, times: products });
    product = Math.min(product, (took * multiplyAdds) / (products * SQUARE ** 3));
    const beside = await peer?.measure(batch, times);
    if (beside === undefined) continue;
    oursInNode = Math.min(oursInNode, beside.kernels / (times * batch));
    onnxruntime = Math.min(onnxruntime, beside.onnxruntime / (times * batch));
  }
  return {
    model: architecture.name,
    input: `${height}×${width}×${channels}`,
    batch,
    multiplyAdds,
    msPerImage: 1000 * ours,
    gflops: (2 * multiplyAdds) / ours / 1e9,
    ratio: ours / product,
    tfjsMsPerImage: 1000 * tfjs,
    speedup: tfjs / ours,
    ...(peer && {
      node: {
        msPerImage: 1000 * oursInNode,
        onnxruntimeMsPerImage: 1000 * onnxruntime,
        speedup: onnxruntime / oursInNode,
        workerdSpeedup: onnxruntime / ours,
      },
    }),
  };
}

async function measureSteadiness(worker: BenchWorker): Promise<InferenceReport['steady']> {
  const embed = async (count: number) => {
    for (let i = 0; i < count; i += REQUESTS_AT_ONCE) {
      const request = { operation: 'embed a picture' } as const;
      await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, () => worker.ask(request)));
    }
  };
  const memory = async () => (await worker.ask({ operation: 'memory' })).answer as IsolateMemory;
  // What the first requests make is kept.
  await embed(80);
  const before = await memory();
  await embed(REQUESTS);
  const after = await memory();
  if (JSON.stringify(after) !== JSON.stringify(before)) {
    throw new Error(
      `${REQUESTS} requests changed the memory from ${JSON.stringify(before)} to ${JSON.stringify(after)}.`,
    );
  }
  return { requests: REQUESTS, before, after };
}

export function renderInference(report: InferenceReport): string {
  const { runs, onnxruntimeWeb, firstEmbeddingMs, steady, profiles } = report;
  const columns = ['network', 'input', 'batch', 'ms/image', 'GFLOP/s', 'ratio', 'tfjs ms', 'speedup'];
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i < 2 ? cell.padEnd(14) : cell.padStart(9))).join(' ');
  const rows = runs.map((run) =>
    line([
      ...[run.model, run.input, String(run.batch), run.msPerImage.toFixed(1), run.gflops.toFixed(1)],
      ...[run.ratio.toFixed(2), run.tfjsMsPerImage.toFixed(1), run.speedup.toFixed(2)],
    ]),
  );
  const shown = Object.entries(profiles ?? {}).flatMap(([model, kinds]) => {
    const all = Object.values(kinds).reduce((sum, ms) => sum + ms, 0);
    const parts = Object.entries(kinds).toSorted(([, a], [, b]) => b - a);
    const share = (ms: number) => `${((100 * ms) / all).toFixed(1)} %`.padStart(8);
    return [
      '',
      model,
      ...parts.map(([kind, ms]) => `  ${kind.padEnd(26)}${ms.toFixed(2).padStart(8)} ms${share(ms)}`),
    ];
  });
  return [
    styleText('dim', line(columns)),
    ...rows,
    '',
    ...(onnxruntimeWeb === undefined
      ? [`onnxruntime-web is not beside it: ${INSTALL_ONNXRUNTIME}`]
      : renderNode(runs, onnxruntimeWeb)),
    ...shown,
    '',
    'ratio: to tfjs’s bare products of as many multiply-adds · tfjs: the same network by its fused kernels',
    `first embedding of a new isolate: ${firstEmbeddingMs.toFixed(0)} ms`,
    `memory after ${steady.requests} requests as before: ${(steady.after.heap / 2 ** 20).toFixed(0)} MiB of heap`,
  ].join('\n');
}

function renderNode(runs: readonly InferenceFigures[], version: string): string[] {
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(14) : cell.padStart(9))).join(' ');
  const columns = ['in Node', 'batch', 'ms/image', 'onnx ms', 'speedup', 'workerd'];
  const rows = runs.flatMap(({ model, batch, node }) => {
    if (node === undefined) return [];
    const { msPerImage, onnxruntimeMsPerImage, speedup, workerdSpeedup } = node;
    const times = [msPerImage.toFixed(1), onnxruntimeMsPerImage.toFixed(1)];
    return [line([model, String(batch), ...times, speedup.toFixed(2), workerdSpeedup.toFixed(2)])];
  });
  return [
    styleText('dim', line(columns)),
    ...rows,
    `onnx: onnxruntime-web ${version}, WASM, one thread · workerd: its time in Node over ours in workerd`,
  ];
}
