import { join } from 'node:path';
import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { TrainingModel } from '@softmargin/shared/models/training.ts';
import * as tf from '@tensorflow/tfjs';
import { classIndices, type Dataset } from '../datasets/dataset.ts';
import { BatchLoader } from '../loading/batch-loader.ts';
import { readCheckpoint } from '../loop/checkpoint.ts';
import { CHECKPOINT_FILE } from '../loop/train.ts';
import { mnistToy } from '../recipes/mnist-toy.ts';
import { overrideRecipe } from '../recipes/override.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { circleFigure } from '../reporting/circle-figure.ts';
import { planeFigure } from '../reporting/plane-figure.ts';
import { svgFile } from '../reporting/plot.ts';
import { SequentialSampler } from '../sampling/sequential-sampler.ts';
import { type ClassGeometry, classGeometry } from './class-geometry.ts';
import type { Experiment, ExperimentPage, ExperimentResults, MeasuredRun, Measures } from './experiment.ts';
import { measureTable } from './table.ts';

const BATCH = 200;
/** Pictures in the figures. */
const DRAWN = 2000;

const BASE = overrideRecipe(mnistToy, [
  'steps=1000',
  'sampler={"kind": "pk", "identities": 10, "pictures": 13}',
  'losses=[{"name": "normalised-softmax", "scale": 32}]',
]);

const NORMALISED = '{"name": "normalised-softmax", "scale": 32}';

/** Two dimensions, so that what a loss does to an embedding can be seen. */
export const mnistToyExperiment: Experiment = {
  name: 'mnist-toy',
  title: 'MNIST in two dimensions',
  introduction: `
The toy experiment of the literature: an embedding of two dimensions, so that it can be drawn as it is, under
softmax, under normalised softmax, and under the joint loss of the Soft Margin Loss paper, normalised softmax + SML,
in two of the readings of SML. All class weights start evenly spread over the circle: in two dimensions random ones
often start beside each other and never part, which says nothing about the losses.

Figures of test digits that were not trained on. *Accuracy* is that of the classifier the network was trained with.
The *angle to the centre* is the mean angle between a digit's embedding and the mean direction of its class; the
*smallest angle between centres* is that between the two closest of these. A narrow class far from all others is
what a discriminative loss is after.`,
  recipe: BASE,
  variants: new Map([
    ['softmax', ['losses=[{"name": "softmax"}]']],
    ['normalised-softmax', [`losses=[${NORMALISED}]`]],
    ['joint-sml-class', [`losses=[${NORMALISED}, {"name": "soft-margin", "scope": "class"}]`]],
    ['joint-sml-sample', [`losses=[${NORMALISED}, {"name": "soft-margin", "scope": "sample"}]`]],
  ]),
  measure,
  render,
};

const MEASURES = [
  { key: 'accuracy', heading: 'accuracy, %', digits: 2 },
  { key: 'angleToCentre', heading: 'mean angle to the centre, °', digits: 2 },
  { key: 'angleBetweenCentres', heading: 'smallest angle between centres, °', digits: 2 },
];

function render(results: ExperimentResults): ExperimentPage {
  const figures = new Map<string, string>();
  const sections = results.variants.map((variant) => {
    const result = results.results.find((one) => one.variant === variant);
    const shown = Object.entries(result?.figures ?? {}).map(([name, svg]) => {
      const file = `${variant}-${name}.svg`;
      figures.set(file, svg);
      return `![${variant}, ${name}](mnist-toy/${file})`;
    });
    return `### ${variant}\n\n${shown.join(' ')}`;
  });
  return {
    markdown: `## Results

Means over the seeds, with 95 % intervals.

${measureTable(results, MEASURES, results.variants)}

## The embeddings

Test digits of the first seed: on the left the features as the network gives them, on the right their directions on
the circle, those of one direction stacked outwards.

${sections.join('\n\n')}`,
    figures,
  };
}

async function measure({ recipe, split, manifest, trained, directory }: MeasuredRun): Promise<Measures> {
  const test = split.test?.query;
  if (test === undefined) throw new Error(`${split.name} has no test part.`);
  const features = await rawFeatures(recipe, manifest, trained.parameters, test);
  const classes = classIndices(test.identities);
  const { lossParameters } = (await readCheckpoint(join(directory, CHECKPOINT_FILE))).trainer;
  const geometry = classGeometry(features, classes);
  const drawn = Math.min(DRAWN, test.count);
  const set = {
    count: drawn,
    dimension: 2,
    features: features.subarray(0, 2 * drawn),
    identities: test.identities.subarray(0, drawn),
    cameras: test.cameras.subarray(0, drawn),
  };
  return {
    numbers: { ...numbersOf(geometry), accuracy: 100 * accuracy(recipe, features, classes, lossParameters) },
    figures: { plane: svgFile(planeFigure(set)), circle: svgFile(circleFigure(set)) },
  };
}

function numbersOf({ angleToCentre, angleBetweenCentres }: ClassGeometry): Record<string, number> {
  return { angleToCentre, angleBetweenCentres };
}

/** Features as the network gives them: the service's are of unit length. */
async function rawFeatures(
  recipe: Recipe,
  manifest: Manifest,
  parameters: ReadonlyMap<string, BundleTensor>,
  dataset: Dataset,
): Promise<Float32Array> {
  const model = new TrainingModel(architectures.get(recipe.model) as Architecture, parameters);
  const sampler = new SequentialSampler(dataset.count, BATCH);
  await using loader = new BatchLoader({
    dataset,
    sampler,
    rule: manifest,
    seed: 0,
    endStep: sampler.steps,
    workers: 0,
  });
  const { dimension } = manifest.embedding;
  const features = new Float32Array(dataset.count * dimension);
  try {
    for (let step = 0; step < sampler.steps; step++) {
      const { images, shape } = await loader.next();
      const embedded = tf.tidy(() => model.embed(tf.tensor4d(images, [...shape])));
      features.set(await embedded.data(), step * BATCH * dimension);
      embedded.dispose();
    }
  } finally {
    model.dispose();
  }
  return features;
}

/** The share of features whose class the classifier that was trained finds. */
function accuracy(
  recipe: Recipe,
  features: Float32Array,
  classes: Int32Array,
  lossParameters: ReadonlyMap<string, BundleTensor>,
): number {
  const weights = lossParameters.get('classWeights');
  if (weights === undefined) throw new Error('The losses have no class weights.');
  const bias = lossParameters.get('classBias')?.data;
  const [count, dimension] = weights.shape;
  // Softmax sees lengths and a bias; the losses on the sphere see the angle alone.
  const normalised = !recipe.losses.some(({ name }) => name === 'softmax');
  const scale = Array.from({ length: count }, (_, c) =>
    normalised ? 1 / Math.hypot(...weights.data.subarray(c * dimension, (c + 1) * dimension)) : 1,
  );
  let correct = 0;
  for (const [i, label] of classes.entries()) {
    let best = -1;
    let highest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < count; c++) {
      let score = normalised ? 0 : (bias?.[c] ?? 0);
      for (let k = 0; k < dimension; k++) {
        score += scale[c] * weights.data[c * dimension + k] * features[i * dimension + k];
      }
      if (score > highest) [best, highest] = [c, score];
    }
    if (best === label) correct++;
  }
  return correct / classes.length;
}
