import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, test } from 'vitest';
import { architectures } from '../../shared/models/architectures.ts';
import type { Architecture } from '../../shared/models/layers.ts';
import { createRandom } from '../../shared/random.ts';
import { Trainer } from '../../training/loop/trainer.ts';
import { rateFactor } from '../../training/optimisation/schedule.ts';
import { omniglot } from '../../training/recipes/omniglot.ts';
import { overrideRecipe } from '../../training/recipes/override.ts';
import { expectAllClose } from '../allclose.ts';
import { backends, startBackend } from '../backends.ts';
import { safetensorsFile, type Tensor } from '../safetensors.ts';
import { hasPyTorch, readTensors, runScript } from './pytorch.ts';

/** Our settings of an optimiser, and the options that PyTorch has for them. */
const optimisers = [
  [
    { name: 'adam', weightDecay: 0.03 },
    { name: 'adam', weight_decay: 0.03 },
  ],
  [
    { name: 'adamw', weightDecay: 0.3 },
    { name: 'adamw', weight_decay: 0.3 },
  ],
  [
    { name: 'sgd', momentum: 0.9, weightDecay: 0.03 },
    { name: 'sgd', momentum: 0.9, weight_decay: 0.03 },
  ],
  [
    { name: 'sgd', momentum: 0.8, nesterov: true, weightDecay: 0.03 },
    { name: 'sgd', momentum: 0.8, nesterov: true, weight_decay: 0.03 },
  ],
] as const;

/** After more of them PyTorch's own float32 leaves its float64 behind: rounding grows with every step. */
const STEPS = 3;
const CLASSES = 12;
const BATCH = 32;

/** Batches of random pictures, four of an identity. */
function batchesOf({ input }: Architecture) {
  const random = createRandom(3);
  const { height, width, channels } = input;
  return Array.from({ length: STEPS }, () => ({
    images: Float32Array.from({ length: BATCH * height * width * channels }, () => random.normal()),
    shape: [BATCH, height, width, channels] as const,
    labels: Int32Array.from({ length: BATCH }, (_, i) => Math.floor(i / 4) + random.integer(5)),
  }));
}

/** Every optimiser on the one; the others for their own layers, by what does not divide by gradients near zero. */
const cases = [
  ...optimisers.map(([ours, theirs]) => ['conv4', ours, theirs] as const),
  ...['mnist-wide', 'mnist-2d'].map((model) => [model, ...optimisers[2]] as const),
  [
    ...(['mnist-wide', { name: 'adamw', weightDecay: 0.3, epsilon: 1e-3 }] as const),
    { name: 'adamw', weight_decay: 0.3, eps: 1e-3 },
  ] as const,
];

const float = (shape: readonly number[], data: Float32Array): Tensor => ({ dtype: 'F32', shape, data });

describe.skipIf(!hasPyTorch)(
  'PyTorch, from the same weights on the same batches',
  { timeout: 120_000 },
  () => {
    describe.each(backends.filter((name) => name !== 'cpu'))('on %s', (backend) => {
      beforeAll(() => startBackend(backend));

      test.each(cases)('%s after steps of %o has the same weights', async (model, optimiser, theirs) => {
        const rate = optimiser.name === 'sgd' ? 0.02 : 1e-3;
        const recipe = overrideRecipe({ ...omniglot, model }, [
          `optimiser=${JSON.stringify({ ...optimiser, learningRate: rate, classWeightFactor: 10 })}`,
          'schedule.warmupSteps=2',
          `steps=${STEPS + 2}`,
        ]);
        const trainer = new Trainer(recipe, CLASSES);
        const batches = batchesOf(architectures.get(model) as Architecture);
        const start = await trainer.state();
        const losses: number[] = [];
        for (const batch of batches) losses.push((await trainer.takeStep(batch)).loss);
        const end = await trainer.state();
        trainer.dispose();

        const folder = await mkdtemp(join(tmpdir(), 'softmargin-steps-'));
        const [run, given, found] = ['run.json', 'start', 'end'].map((name) => join(folder, name));
        const tensors = [...start.parameters].map(([name, { shape, data }]) => [
          name,
          float(shape, data as Float32Array),
        ]);
        const weights = start.lossParameters.get('classWeights') as {
          shape: readonly number[];
          data: Float32Array;
        };
        await writeFile(
          given,
          safetensorsFile({
            ...Object.fromEntries(tensors),
            'losses/classWeights': float(weights.shape, weights.data),
            ...Object.fromEntries(
              batches.flatMap(({ images, shape, labels }, step) => [
                [`images.${step}`, float(shape, images)],
                [`labels.${step}`, { dtype: 'I32', shape: [BATCH], data: labels }],
              ]),
            ),
          }),
        );
        const rates = batches.map((_, step) => rate * rateFactor(recipe.schedule, step, recipe.steps));
        await writeFile(
          run,
          JSON.stringify({ model, optimiser: theirs, rates, classWeightFactor: 10, losses: recipe.losses }),
        );
        runScript('training_steps.py', [run, given, found]);
        const expected = readTensors(found);
        await rm(folder, { recursive: true });

        expectAllClose(losses, expected.get('loss')?.data as Float32Array, 1e-4, 'losses');
        const ours = new Map([
          ...end.parameters,
          ['losses/classWeights', end.lossParameters.get('classWeights') as typeof weights],
        ]);
        for (const [name, { data }] of ours) {
          expectAllClose(data as Float32Array, expected.get(name)?.data as Float32Array, 1e-4, name);
        }
      });
    });
  },
);
