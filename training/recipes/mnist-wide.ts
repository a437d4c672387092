import type { Recipe } from './recipe.ts';

/** Digits for use: a 32-d embedding under the joint loss. */
export const mnistWideRecipe: Recipe = {
  model: 'mnist-wide',
  seed: 1,
  steps: 700,
  batch: { identities: 10, pictures: 6 },
  loss: {
    scale: 10,
    labelSmoothing: 0,
    softMarginWeight: 1,
    softMarginScope: 'class',
    softMarginSharpness: 1,
  },
  optimiser: { learningRate: 4e-3, warmupSteps: 30, classWeightFactor: 10 },
  classWeights: 'random',
  augmentation: { rotation: 10, scaling: 0.1, shift: 2 },
};
