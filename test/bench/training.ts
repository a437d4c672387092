import * as tf from '@tensorflow/tfjs';
import { architectures } from '../../shared/models/architectures.ts';
import { summarise } from '../../shared/models/summary.ts';
import { createRandom } from '../../shared/random.ts';
import { Trainer } from '../../training/loop/trainer.ts';
import { omniglot } from '../../training/recipes/omniglot.ts';
import { median } from './median.ts';

/** A network and a batch of its pictures. */
export interface TrainingSize {
  readonly model: string;
  readonly height: number;
  readonly width: number;
  readonly batch: number;
  readonly classes: number;
}

export interface TrainingFigures extends TrainingSize {
  /** A whole step: forward, loss, gradients, optimiser. */
  readonly stepSeconds: number;
  /** What the processor computed for a step: what else a machine does changes little about it. */
  readonly processorSeconds: number;
  /** As many multiply-adds as the step's convolutions and products have, as tfjs's own products of squares. */
  readonly productSeconds: number;
  /** The median of step over product, each pair measured in turn. */
  readonly ratio: number;
  /** Of the step's convolutions and products over `stepSeconds`. */
  readonly gflops: number;
  readonly imagesPerSecond: number;
}

/** A product's square: large enough for any backend to be at its best. */
export interface Product {
  readonly size: number;
  /** Multiplies two squares so many times, by tfjs's own kernel. */
  run(times: number): Promise<void>;
}

/** Multiply-adds of a training step: forward, and the gradients of inputs and weights; none of the pictures. */
export function trainingMultiplyAdds({ model, height, width, batch }: TrainingSize): number {
  const architecture = architectures.get(model);
  if (architecture === undefined) throw new Error(`There is no model "${model}".`);
  const { multiplyAdds, layers } = summarise(architecture, { height, width });
  return batch * (3 * multiplyAdds - layers[0].multiplyAdds);
}

/** Takes steps and products in turn. @param steps of one measurement, so that a queue of work fills up. */
export async function measureTraining(
  size: TrainingSize,
  product: Product,
  { repeats, steps }: { readonly repeats: number; readonly steps: number },
): Promise<TrainingFigures> {
  const { model, height, width, batch, classes } = size;
  const { channels } = (architectures.get(model) as { input: { channels: number } }).input;
  const trainer = new Trainer({ ...omniglot, model }, classes);
  const random = createRandom(1);
  const given = {
    images: Float32Array.from({ length: batch * height * width * channels }, () => random.normal()),
    shape: [batch, height, width, channels] as const,
    // Four pictures of each identity, as far as there are identities.
    labels: Int32Array.from({ length: batch }, (_, i) => Math.floor(i / 4) % classes),
  };
  const takeSteps = async () => {
    for (let i = 0; i < steps; i++) await trainer.takeStep(given);
  };
  const multiplyAdds = trainingMultiplyAdds(size);
  const times = Math.max(1, Math.round((steps * multiplyAdds) / product.size ** 3));
  const scale = (steps * multiplyAdds) / (times * product.size ** 3);

  // Once for nothing: code is compiled while it runs.
  await takeSteps();
  await product.run(1);
  const stepTimes: number[] = [];
  const processorTimes: number[] = [];
  const productTimes: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    productTimes.push(((await seconds(() => product.run(times))) * scale) / steps);
    const before = process.cpuUsage();
    stepTimes.push((await seconds(takeSteps)) / steps);
    const { user, system } = process.cpuUsage(before);
    processorTimes.push((user + system) / 1e6 / steps);
  }
  trainer.dispose();
  const stepSeconds = median(stepTimes);
  return {
    ...size,
    stepSeconds,
    processorSeconds: median(processorTimes),
    productSeconds: median(productTimes),
    ratio: median(stepTimes.map((time, i) => time / productTimes[i])),
    gflops: (2 * multiplyAdds) / stepSeconds / 1e9,
    imagesPerSecond: batch / stepSeconds,
  };
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Products of squares by a kernel as tfjs registered it. */
export function productOf(kernel: tf.KernelConfig, size: number): Product {
  const a = tf.randomNormal([size, size], 0, 1, 'float32', 1);
  const b = tf.randomNormal([size, size], 0, 1, 'float32', 2);
  const multiply = () => {
    const attrs = { transposeA: false, transposeB: false };
    const { dataId, shape, dtype } = kernel.kernelFunc({
      inputs: { a, b },
      backend: tf.backend(),
      attrs,
    }) as tf.TensorInfo;
    return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype });
  };
  return {
    size,
    async run(times) {
      for (let i = 1; i < times; i++) multiply().dispose();
      // One is read, so that nothing can be left undone.
      const last = multiply();
      await last.data();
      last.dispose();
    },
  };
}
