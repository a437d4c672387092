import { parseRecipe } from './recipe.ts';

/**
 * The toy experiment: two dimensions, so that the embedding can be drawn. In two dimensions random class
 * weights often start beside each other and never part, so they start evenly spread over the circle.
 */
export const mnistToy = parseRecipe({
  dataset: { name: 'mnist' },
  model: 'mnist-2d',
  seed: 1,
  steps: 750,
  preprocessing: { invert: 'bright-border', channels: 'training-set' },
  sampler: { kind: 'pk', identities: 10, pictures: 4 },
  augmentation: {},
  losses: [
    { name: 'normalised-softmax', scale: 12 },
    { name: 'soft-margin', scope: 'class', weight: 1 },
  ],
  classWeights: 'even-on-circle',
  optimiser: { name: 'adam', learningRate: 6e-3 },
  schedule: { name: 'cosine', warmupSteps: 30 },
  gradientNormLimit: null,
  weightAverage: null,
  validation: null,
});
