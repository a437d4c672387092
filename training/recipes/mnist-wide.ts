import { parseRecipe } from './recipe.ts';

/** Digits for use: a 32-d embedding under the joint loss. */
export const mnistWide = parseRecipe({
  dataset: { name: 'mnist' },
  model: 'mnist-wide',
  seed: 1,
  steps: 700,
  preprocessing: { invert: 'bright-border', channels: 'training-set' },
  sampler: { kind: 'pk', identities: 10, pictures: 6 },
  augmentation: { affine: { rotation: 10, scaling: 0.1, shift: 2 } },
  losses: [
    { name: 'normalised-softmax', scale: 10 },
    { name: 'soft-margin', scope: 'class', weight: 1 },
  ],
  classWeights: 'random',
  optimiser: { name: 'adam', learningRate: 4e-3, classWeightFactor: 10 },
  schedule: { name: 'cosine', warmupSteps: 30 },
  gradientNormLimit: null,
  weightAverage: null,
  validation: null,
});
