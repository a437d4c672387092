import type { Recipe } from './recipe.ts';

/**
 * The toy experiment: two dimensions, so that the embedding can be drawn. In two dimensions random class
 * weights often start beside each other and never part, so they start evenly spread over the circle.
 */
export const mnist2dRecipe: Recipe = {
  model: 'mnist-2d',
  seed: 1,
  steps: 750,
  batch: { identities: 10, pictures: 4 },
  loss: {
    scale: 12,
    labelSmoothing: 0,
    softMarginWeight: 1,
    softMarginScope: 'class',
    softMarginSharpness: 1,
  },
  optimiser: { learningRate: 6e-3, warmupSteps: 30, classWeightFactor: 1 },
  classWeights: 'even-on-circle',
  augmentation: { rotation: 0, scaling: 0, shift: 0 },
};
