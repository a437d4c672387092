import { parseRecipe } from './recipe.ts';

/** Handwritten characters of 50 alphabets, 20 drawings of each: few pictures a class, many classes. */
export const omniglot = parseRecipe({
  // Resized as the service resizes what it is sent.
  dataset: { name: 'omniglot', resize: 'bilinear-antialiased' },
  model: 'conv4',
  seed: 1,
  steps: 2000,
  preprocessing: { invert: 'bright-border', channels: 'training-set' },
  sampler: { kind: 'pk', identities: 32, pictures: 4 },
  augmentation: { affine: { rotation: 15, scaling: 0.15, shear: 0.15, shift: 2 } },
  losses: [
    { name: 'normalised-softmax', scale: 10 },
    { name: 'soft-margin', scope: 'sample', weight: 1 },
  ],
  classWeights: 'random',
  optimiser: { name: 'adam', learningRate: 4e-3, classWeightFactor: 10 },
  schedule: { name: 'cosine', warmupSteps: 100 },
  gradientNormLimit: null,
  weightAverage: null,
  validation: null,
});
