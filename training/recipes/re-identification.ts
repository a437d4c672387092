import type { DatasetSettings } from '../datasets/datasets.ts';
import { parseRecipe, type Recipe } from './recipe.ts';

/** What ImageNet's pictures have by channel, and so what weights that were trained on it expect. */
const IMAGENET = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

const IDENTITIES = 16;
const PICTURES = 4;
const EPOCHS = 150;

/**
 * The recipe of the SML paper's family, as its sibling tells it (Circle-Based Ratio Loss, Complexity 2020,
 * 9860562): ResNet-50, global average pooling, batch normalisation, classes on the sphere, PK batches; Adam from
 * 1e-5 to 1e-3 in 20 epochs, constant to the 90th, a tenth from there and from the 130th. Last stride 1, random
 * erasing, flip, and pad and crop are those of the strong baseline (Luo et al., "Bag of Tricks and a Strong
 * Baseline for Deep Person Re-Identification", CVPRW 2019). What the paper does not say, the weight of SML, the
 * scale of softmax and the number of epochs after the 130th, is ours. All training identities are trained on, as
 * in papers, so there is nothing to validate on and the last weights are kept; see `holdOut` for another way.
 *
 * @param images training pictures: an epoch is as many steps as it takes to draw so many.
 */
export function reIdentification(
  dataset: DatasetSettings,
  images: number,
  input: { readonly height: number; readonly width: number },
): Recipe {
  const epoch = Math.ceil(images / (IDENTITIES * PICTURES));
  return parseRecipe({
    dataset,
    model: 'resnet50',
    input,
    seed: 1,
    steps: EPOCHS * epoch,
    preprocessing: { invert: 'never', channels: IMAGENET },
    sampler: { kind: 'pk', identities: IDENTITIES, pictures: PICTURES },
    augmentation: {
      horizontalFlip: 0.5,
      padAndCrop: 10,
      randomErasing: { probability: 0.5 },
    },
    losses: [
      { name: 'normalised-softmax', scale: 30 },
      { name: 'soft-margin', scope: 'class', weight: 1 },
    ],
    classWeights: 'random',
    optimiser: { name: 'adam', learningRate: 1e-3, weightDecay: 5e-4 },
    schedule: {
      name: 'step',
      warmupSteps: 20 * epoch,
      warmupFrom: 0.01,
      milestones: [90 * epoch, 130 * epoch],
      factor: 0.1,
    },
    gradientNormLimit: null,
    weightAverage: null,
    validation: null,
  });
}
