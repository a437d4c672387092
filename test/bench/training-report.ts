import { styleText } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { type BackendChoice, chooseBackend } from '../../training/backend/choose-backend.ts';
import { pytorchSteps } from '../pytorch/training-speed.ts';
import { median } from './median.ts';
import { measureTraining, productOf, type TrainingFigures, type TrainingSize } from './training.ts';

/** On the processor: the networks of small pictures, at the batch of the omniglot recipe. */
const SMALL: TrainingSize[] = [
  { model: 'mnist-2d', height: 28, width: 28, batch: 128, classes: 10 },
  { model: 'mnist-wide', height: 28, width: 28, batch: 128, classes: 10 },
  { model: 'conv4', height: 28, width: 28, batch: 128, classes: 964 },
];

/** On a graphics card besides: backbones of re-identification, with the 751 identities of Market-1501. */
const LARGE: TrainingSize[] = [
  { model: 'osnet_x1_0', height: 256, width: 128, batch: 64, classes: 751 },
  { model: 'resnet50', height: 256, width: 128, batch: 64, classes: 751 },
];

export interface TrainingReport {
  readonly backend: 'wasm' | 'webgpu';
  /** The backend, and the card it runs on. */
  readonly description: string;
  readonly runs: readonly (TrainingFigures & {
    /** Of the given peak, 0 to 1; null without one. */
    readonly shareOfPeak: number | null;
    /** What the processor computes for the same step by PyTorch; null on a graphics card, and without PyTorch. */
    readonly pytorchSeconds: number | null;
    /** `processorSeconds` over it. */
    readonly pytorchRatio: number | null;
  })[];
}

/**
 * Measures training steps on a backend.
 *
 * @param peakTeraflops the card's peak in float32, 10¹² operations a second.
 * @param note is told what is being measured.
 */
export async function reportTraining(
  choice: BackendChoice,
  peakTeraflops: number | undefined,
  note: (line: string) => void,
): Promise<TrainingReport> {
  // Taken before ours replaces it.
  const wasmProduct = await import('@tensorflow/tfjs-backend-wasm').then(() =>
    tf.getKernel('BatchMatMul', 'wasm'),
  );
  const { name, description } = await chooseBackend(choice);
  note(description);
  const isGpu = name === 'webgpu';
  const product = isGpu
    ? productOf(tf.getKernel('BatchMatMul', 'webgpu'), 2048)
    : productOf(wasmProduct, 512);
  const effort = isGpu ? { repeats: 3, steps: 10 } : { repeats: 9, steps: 1 };
  const runs: TrainingReport['runs'][number][] = [];
  for (const size of isGpu ? [...SMALL, ...LARGE] : SMALL) {
    const figures = await measureTraining(size, product, effort);
    const shareOfPeak = peakTeraflops === undefined ? null : figures.gflops / (1000 * peakTeraflops);
    // Right behind ours: a machine's speed changes with what else it does.
    const steps = isGpu ? null : pytorchSteps(size.model, size.batch, size.classes, effort.repeats);
    const pytorchSeconds = steps && median(steps);
    const pytorchRatio = pytorchSeconds && figures.processorSeconds / pytorchSeconds;
    runs.push({ ...figures, shareOfPeak, pytorchSeconds, pytorchRatio });
    note(`${size.model}: ratio ${figures.ratio.toFixed(2)}`);
  }
  return { backend: name, description, runs };
}

/** The report as a table for people. */
export function renderTraining({ description, runs }: TrainingReport): string {
  const columns = [
    ...['model', 'pictures', 'step', 'product', 'ratio', 'GFLOP/s', 'images/s', 'of peak'],
    ...['PyTorch', 'by it'],
  ];
  const rows = runs.map((run) => [
    run.model,
    `${run.batch} × ${run.height}×${run.width}`,
    `${(1000 * run.stepSeconds).toFixed(1)} ms`,
    `${(1000 * run.productSeconds).toFixed(1)} ms`,
    run.ratio.toFixed(2),
    run.gflops.toFixed(1),
    run.imagesPerSecond.toFixed(0),
    run.shareOfPeak === null ? '–' : `${(100 * run.shareOfPeak).toFixed(1)} %`,
    run.pytorchSeconds === null ? '–' : `${(1000 * run.pytorchSeconds).toFixed(1)} ms`,
    run.pytorchRatio === null ? '–' : run.pytorchRatio.toFixed(2),
  ]);
  const widths = columns.map((title, c) => Math.max(title.length, ...rows.map((row) => row[c].length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, c) => (c < 2 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('  ');
  return [
    styleText('bold', `Training, ${description}`),
    '',
    styleText('dim', line(columns)),
    ...rows.map(line),
    '',
    'step: forward, loss, gradients, optimiser · product: as many multiply-adds as tfjs’s own products of squares',
    'PyTorch: the same step by it on one core, where Python has it · by it: our step over PyTorch’s, in processor time',
  ].join('\n');
}
