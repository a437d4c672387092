import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import { ComposedLoss, type LossValue } from '@softmargin/shared/losses/composed.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { BatchStatistics, initialParameters, TrainingModel } from '@softmargin/shared/models/training.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import type { Batch } from '../loading/prepare-batch.ts';
import { clipByGlobalNorm, globalNorm } from '../optimisation/gradient-norm.ts';
import { Optimiser } from '../optimisation/optimiser.ts';
import { updateRule } from '../optimisation/optimisers.ts';
import { rateFactor } from '../optimisation/schedule.ts';
import { WeightAverage } from '../optimisation/weight-average.ts';
import type { Recipe } from '../recipes/recipe.ts';
import type { TrainerState } from './checkpoint.ts';
import { initialLossParameters } from './loss-parameters.ts';

/** The stream of the run's seed that the network's first weights draw from. */
export const PARAMETER_STREAM = 10;

/** What one step reports. */
export interface StepReport {
  /** From 1. */
  readonly step: number;
  readonly loss: number;
  /** Each term of the loss by its name, before its weight. */
  readonly parts: Readonly<Record<string, number>>;
  /** Of all gradients as one vector, before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
}

/** A step whose loss or gradient is not a finite number; the weights are those before the step. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';
}

/**
 * A network in training, a step at a time. A step depends on the state and on its batch alone, and the state
 * can be taken out and put back: a run that is resumed goes on to the same weights.
 */
export class Trainer {
  readonly #recipe: Recipe;
  readonly #model: TrainingModel;
  readonly #loss: ComposedLoss;
  readonly #lossParameters: ReadonlyMap<string, tf.Variable>;
  readonly #variables: ReadonlyMap<string, tf.Variable>;
  readonly #rateFactors: ReadonlyMap<string, number>;
  readonly #optimiser: Optimiser;
  readonly #average: WeightAverage | undefined;
  #step: number;

  /**
   * @param classes the number of training identities.
   * @param state where to go on from; a fresh start without one.
   * @param pretrained the network's parameters at a fresh start; drawn by the seed without.
   */
  constructor(
    recipe: Recipe,
    classes: number,
    state?: TrainerState,
    pretrained?: ReadonlyMap<string, BundleTensor>,
  ) {
    const architecture = architectures.get(recipe.model) as Architecture;
    this.#recipe = recipe;
    this.#step = state?.step ?? 0;
    this.#loss = new ComposedLoss(recipe.losses, classes, architecture.dimension);
    const lossParameters = state?.lossParameters ?? initialLossParameters(recipe, this.#loss.parameters);
    this.#model = new TrainingModel(
      architecture,
      state?.parameters ??
        pretrained ??
        initialParameters(architecture, createRandom(recipe.seed, PARAMETER_STREAM)),
    );
    this.#lossParameters = new Map(
      this.#loss.parameters.map(({ name, shape }) => {
        const stored = lossParameters.get(name);
        if (stored === undefined) throw new Error(`The loss parameter "${name}" is missing.`);
        return [name, tf.tidy(() => tf.tensor(stored.data, shape as number[]).variable())];
      }),
    );

    const ofLosses = [...this.#lossParameters].map(
      ([name, variable]) => [`losses/${name}`, variable] as const,
    );
    this.#variables = new Map([...this.#model.trainable, ...ofLosses]);
    const { classWeightFactor } = recipe.optimiser;
    this.#rateFactors = new Map(ofLosses.map(([name]) => [name, classWeightFactor]));
    this.#optimiser = new Optimiser(
      updateRule(recipe.optimiser),
      this.#variables,
      state && { steps: state.step, moments: state.moments },
    );
    if (recipe.weightAverage !== null) {
      this.#average = new WeightAverage(recipe.weightAverage, this.#model.variables, state?.average);
    }
  }

  /** Steps taken so far. */
  get step(): number {
    return this.#step;
  }

  /**
   * Takes one step.
   *
   * @throws {DivergedError} if the loss or the gradient is not finite; the weights are then as they were.
   */
  async takeStep({ images, shape, labels }: Pick<Batch, 'images' | 'shape' | 'labels'>): Promise<StepReport> {
    const { optimiser, schedule, steps, gradientNormLimit } = this.#recipe;
    const learningRate = optimiser.learningRate * rateFactor(schedule, this.#step, steps);
    const statistics = new BatchStatistics();
    const pictures = tf.tensor4d(images, [...shape]);
    const names = [...this.#loss.terms.map(({ name }) => name)];

    let parts: LossValue['parts'] = new Map();
    const { value, grads } = tf.variableGrads(() => {
      const features = this.#model.embed(pictures, statistics);
      const loss = this.#loss.evaluate(features, labels, Object.fromEntries(this.#lossParameters));
      parts = loss.parts;
      for (const part of parts.values()) tf.keep(part);
      return loss.total;
    }, [...this.#variables.values()]);
    const gradients = new Map(
      Array.from(this.#variables, ([name, variable]) => [name, grads[variable.name]] as const),
    );
    try {
      // One read of all: on a GPU each is a round trip.
      const read = tf.tidy(() =>
        tf.stack([
          value,
          globalNorm(gradients.values()),
          ...names.map((name) => parts.get(name) as tf.Scalar),
        ]),
      );
      const [loss, gradientNorm, ...values] = await read.data();
      read.dispose();
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
        const what = Number.isFinite(loss) ? `gradient's norm is ${gradientNorm}` : `loss is ${loss}`;
        throw new DivergedError(`The ${what} at step ${this.#step + 1}`);
      }
      tf.tidy(() => {
        const within =
          gradientNormLimit === null
            ? gradients
            : clipByGlobalNorm(gradients, gradientNorm, gradientNormLimit);
        this.#optimiser.step(within, {
          learningRate,
          factors: this.#rateFactors,
          weightDecay: optimiser.weightDecay,
        });
      });
      this.#model.absorb(statistics);
      this.#step++;
      this.#average?.update(this.#step);
      return {
        step: this.#step,
        loss,
        parts: Object.fromEntries(names.map((name, i) => [name, values[i]])),
        gradientNorm,
        learningRate,
      };
    } finally {
      statistics.dispose();
      tf.dispose([pictures, value, ...parts.values(), grads]);
    }
  }

  /** Everything that a later run needs to go on from here. */
  async state(): Promise<TrainerState> {
    const lossParameters = new Map<string, BundleTensor>();
    for (const [name, variable] of this.#lossParameters) {
      const data = Float32Array.from(await variable.data());
      lossParameters.set(name, { shape: variable.shape, data });
    }
    return {
      step: this.#step,
      parameters: await this.#model.tensors(),
      lossParameters,
      moments: await this.#optimiser.state(),
      average: (await this.#average?.state()) ?? new Map(),
    };
  }

  /**
   * The network's parameters as a bundle holds them: their moving average where the recipe asks for one, and
   * without what the losses learn, which only trains.
   */
  parameters(): Promise<Map<string, BundleTensor>> {
    return this.#model.tensors(this.#average?.averages);
  }

  dispose(): void {
    this.#model.dispose();
    this.#optimiser.dispose();
    this.#average?.dispose();
    tf.dispose([...this.#lossParameters.values()]);
  }
}
