import { parseRecipe } from './recipe.ts';

/**
 * Photographs of your own, a folder for each identity: small enough to train from nothing on a processor. With a
 * graphics card, take a larger network, larger pictures and pretrained weights.
 */
export const imageFolder = parseRecipe({
  dataset: { name: 'image-folder' },
  model: 'osnet_x0_25',
  input: { height: 96, width: 96 },
  seed: 1,
  steps: 600,
  preprocessing: {
    invert: 'never',
    channels: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
  },
  sampler: { kind: 'pk', identities: 16, pictures: 4 },
  augmentation: { horizontalFlip: 0.5, padAndCrop: 8, randomErasing: { probability: 0.5 } },
  losses: [
    { name: 'normalised-softmax', scale: 16 },
    { name: 'soft-margin', scope: 'sample', weight: 1 },
  ],
  classWeights: 'random',
  optimiser: { name: 'adam', learningRate: 2e-3, weightDecay: 5e-4, classWeightFactor: 10 },
  schedule: { name: 'cosine', warmupSteps: 60 },
  gradientNormLimit: null,
  weightAverage: null,
  validation: null,
});
