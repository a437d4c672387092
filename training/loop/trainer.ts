import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import { type ChannelStatistics, normalise } from '@softmargin/shared/images/preprocess.ts';
import { ComposedLoss, type LossValue } from '@softmargin/shared/losses/composed.ts';
import type { LossTerm } from '@softmargin/shared/losses/terms.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { BatchStatistics, initialParameters, TrainingModel } from '@softmargin/shared/models/training.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { randomAffine } from '../augmentation/affine.ts';
import { type ImageDataset, subset } from '../datasets/dataset.ts';
import { Adam } from '../optimisation/adam.ts';
import { warmupCosine } from '../optimisation/schedule.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { PKSampler } from '../sampling/pk-sampler.ts';
import type { Checkpoint } from './checkpoint.ts';
import { initialClassWeights } from './class-weights.ts';

/** Streams of the run's seed. */
const PARAMETER_STREAM = 10;
const AUGMENTATION_STREAM = 11;

/** What one step reports. */
export interface StepReport {
  /** From 1. */
  readonly step: number;
  readonly loss: number;
  readonly softmax: number;
  readonly softMargin: number;
  readonly learningRate: number;
}

/**
 * A training run, a step at a time. Everything a step draws comes from the seed and the step's number, and
 * everything it leaves behind is in the checkpoint: a run that is resumed goes on to the same weights.
 */
export class Trainer {
  readonly recipe: Recipe;
  readonly #dataset: ImageDataset;
  readonly #labels: Int32Array;
  readonly #statistics: ChannelStatistics;
  readonly #sampler: PKSampler;
  readonly #model: TrainingModel;
  readonly #classWeights: tf.Variable<tf.Rank.R2>;
  readonly #loss: ComposedLoss;
  readonly #optimiser: Adam;
  #step: number;

  /** @param checkpoint where to go on from; a fresh start without one. */
  constructor(recipe: Recipe, dataset: ImageDataset, statistics: ChannelStatistics, checkpoint?: Checkpoint) {
    const architecture = architectureFor(recipe, dataset);
    this.recipe = recipe;
    this.#dataset = dataset;
    this.#statistics = statistics;
    const { identities, pictures } = recipe.batch;
    this.#sampler = new PKSampler(dataset.identities, identities, pictures, recipe.seed);

    const classes = [...new Set(dataset.identities)].sort((a, b) => a - b);
    const classOf = new Map(classes.map((identity, index) => [identity, index]));
    this.#labels = dataset.identities.map((identity) => classOf.get(identity) as number);

    const parameters =
      checkpoint?.parameters ?? initialParameters(architecture, createRandom(recipe.seed, PARAMETER_STREAM));
    this.#model = new TrainingModel(architecture, parameters);
    const classWeights =
      checkpoint?.classWeights ?? initialClassWeights(recipe, classes.length, architecture.dimension);
    this.#classWeights = tf.tidy(() =>
      tf.tensor2d(classWeights.data, classWeights.shape as [number, number]).variable(),
    );
    this.#loss = new ComposedLoss(lossTerms(recipe), classes.length, architecture.dimension);
    this.#step = checkpoint?.step ?? 0;
    this.#optimiser = new Adam(
      this.#variables,
      checkpoint && { steps: checkpoint.step, moments: checkpoint.moments },
    );
  }

  /** Steps taken so far. */
  get step(): number {
    return this.#step;
  }

  /**
   * Takes one step.
   *
   * @throws {Error} if the loss is not a finite number; the weights are then those before the step.
   */
  async takeStep(): Promise<StepReport> {
    const { recipe } = this;
    const indices = this.#sampler.batch(this.#step);
    const images = this.#augmentedBatch(indices);
    const labels = Int32Array.from(indices, (index) => this.#labels[index]);
    const variables = this.#variables;
    const statistics = new BatchStatistics();
    const rate =
      recipe.optimiser.learningRate * warmupCosine(this.#step, recipe.steps, recipe.optimiser.warmupSteps);

    let parts: LossValue['parts'] | undefined;
    const { value, grads } = tf.variableGrads(() => {
      const features = this.#model.embed(images, statistics);
      const loss = this.#loss.evaluate(features, labels, { classWeights: this.#classWeights });
      for (const part of loss.parts.values()) tf.keep(part);
      parts = loss.parts;
      return loss.total;
    }, [...variables.values()]);
    const softmax = parts?.get('normalised-softmax') as tf.Scalar;
    const softMargin = parts?.get('soft-margin') as tf.Scalar;
    try {
      const [loss] = await value.data();
      if (!Number.isFinite(loss)) {
        throw new Error(`The loss is ${loss} at step ${this.#step + 1}, for pictures ${indices.join(', ')}.`);
      }
      const { classWeightFactor } = recipe.optimiser;
      this.#optimiser.step(variables, grads, (name) =>
        name === CLASS_WEIGHTS ? rate * classWeightFactor : rate,
      );
      this.#model.absorb(statistics);
      this.#step++;
      return {
        step: this.#step,
        loss,
        softmax: (await softmax.data())[0],
        softMargin: (await softMargin.data())[0],
        learningRate: rate,
      };
    } finally {
      statistics.dispose();
      tf.dispose([images, value, softmax, softMargin, grads]);
    }
  }

  /** Everything that a later run needs to go on from here. */
  async checkpoint(): Promise<Checkpoint> {
    return {
      recipe: this.recipe,
      step: this.#step,
      parameters: await this.#model.tensors(),
      classWeights: {
        shape: this.#classWeights.shape,
        data: Float32Array.from(await this.#classWeights.data()),
      },
      moments: await this.#optimiser.state(),
    };
  }

  /** The network's parameters as a bundle holds them: without the class weights, which only train. */
  parameters(): Promise<Map<string, BundleTensor>> {
    return this.#model.tensors();
  }

  dispose(): void {
    this.#model.dispose();
    this.#classWeights.dispose();
    this.#optimiser.dispose();
  }

  get #variables(): Map<string, tf.Variable> {
    return this.#model.trainable.set(CLASS_WEIGHTS, this.#classWeights);
  }

  #augmentedBatch(indices: Int32Array): tf.Tensor4D {
    const { height, width, channels } = this.#dataset;
    const drawn = subset(this.#dataset, indices);
    const size = height * width * channels;
    const { augmentation, seed } = this.recipe;
    const pixels = new Uint8Array(drawn.pixels.length);
    const random = createRandom(seed, AUGMENTATION_STREAM, this.#step);
    for (let i = 0; i < indices.length; i++) {
      const part = [i * size, (i + 1) * size] as const;
      const image = { height, width, channels, data: drawn.pixels.subarray(...part) };
      pixels.set(randomAffine(image, { ...augmentation, shear: 0 }, random).data, part[0]);
    }
    const values = normalise({ data: pixels, channels }, this.#statistics);
    return tf.tensor4d(values, [indices.length, height, width, channels]);
  }
}

const CLASS_WEIGHTS = 'classWeights';

function lossTerms({ loss }: Recipe): LossTerm[] {
  return [
    { name: 'normalised-softmax', weight: 1, scale: loss.scale, labelSmoothing: loss.labelSmoothing },
    {
      name: 'soft-margin',
      weight: loss.softMarginWeight,
      scope: loss.softMarginScope,
      sharpness: loss.softMarginSharpness,
    },
  ];
}

function architectureFor(recipe: Recipe, dataset: ImageDataset): Architecture {
  const architecture = architectures.get(recipe.model);
  if (architecture === undefined) throw new Error(`There is no model "${recipe.model}".`);
  const { height, width, channels } = architecture.input;
  if (dataset.height !== height || dataset.width !== width || dataset.channels !== channels) {
    throw new Error(
      `${recipe.model} takes pictures of ${height}×${width}×${channels}; ${dataset.name} has ` +
        `${dataset.height}×${dataset.width}×${dataset.channels}.`,
    );
  }
  return architecture;
}
