import { omniglot } from '../recipes/omniglot.ts';
import { overrideRecipe } from '../recipes/override.ts';
import type { Experiment, ExperimentPage, ExperimentResults } from './experiment.ts';
import { intervalText } from './interval.ts';
import { intervalFigure } from './interval-figure.ts';
import { rankedMeasures } from './ranked-measures.ts';
import { gainsOver, markdownTable, meansByVariant, measureTable } from './table.ts';

const BASELINE = 'normalised-softmax';

const normalised = '{"name": "normalised-softmax", "scale": 10}';
const beside = (term: string) => [`losses=[${normalised}, ${term}]`];
const alone = (term: string) => [`losses=[${term}]`];

/** Every loss under one recipe. */
export const omniglotLosses: Experiment = {
  name: 'omniglot-losses',
  title: 'Every loss on Omniglot',
  introduction: `
Every loss under one recipe and one budget: the same network, batches, augmentation, optimiser and schedule. Trained
on part of the alphabets of Omniglot's background set and validated on alphabets that are held out of it: drawer 1
asks, drawers 2 to 20 are the gallery, by cosine. Losses on class weights have the scale 10, which the budget is
known to suit; what a paper recommends for faces (64, 30) would be a comparison of scales. Nothing was tuned for any
loss but the learning rate and the scale of normalised softmax, so the others may have more in them.`,
  recipe: overrideRecipe(omniglot, ['dataset.validation=6']),
  variants: new Map([
    ['softmax', alone('{"name": "softmax"}')],
    [BASELINE, alone(normalised)],
    ['normalised-softmax+sml-class', beside('{"name": "soft-margin", "scope": "class"}')],
    ['normalised-softmax+sml-sample', beside('{"name": "soft-margin", "scope": "sample"}')],
    ['normalised-softmax+sml-batch', beside('{"name": "soft-margin", "scope": "batch"}')],
    ['sml-sample', alone('{"name": "soft-margin", "scope": "sample"}')],
    ['softmax+center', ['losses=[{"name": "softmax"}, {"name": "center"}]']],
    ['triplet-hinge', alone('{"name": "triplet", "margin": 0.3}')],
    ['triplet-soft', alone('{"name": "triplet", "margin": "soft"}')],
    ['normalised-softmax+triplet-soft', beside('{"name": "triplet", "margin": "soft"}')],
    ['normalised-softmax+triplet-sharp', beside('{"name": "triplet", "margin": "soft", "sharpness": 8}')],
    [
      'normalised-softmax+sml-sharp',
      beside('{"name": "soft-margin", "scope": "sample", "weight": 4, "sharpness": 8}'),
    ],
    ['cosface', alone('{"name": "cosface", "scale": 10, "margin": 0.2}')],
    ['arcface', alone('{"name": "arcface", "scale": 10, "margin": 0.2}')],
    ['circle', alone('{"name": "circle"}')],
    ['normalised-softmax+circle-based-ratio', beside('{"name": "circle-based-ratio"}')],
    ['normalised-softmax+msml', beside('{"name": "msml"}')],
    ['proxy-anchor', alone('{"name": "proxy-anchor"}')],
    ['multi-similarity', alone('{"name": "multi-similarity"}')],
  ]),
  measure: rankedMeasures,
  render,
};

const MEASURES = [
  { key: 'mAP', heading: 'mAP, %', digits: 2 },
  { key: 'cmc1', heading: 'CMC-1, %', digits: 2 },
  { key: 'mINP', heading: 'mINP, %', digits: 2 },
];

function render(results: ExperimentResults): ExperimentPage {
  const means = meansByVariant(results, 'mAP');
  const ranked = [...means].sort(([, a], [, b]) => b.mean - a.mean);
  const gains = gainsOver(results, () => BASELINE, 'mAP');
  const gainRows = [...gains].sort(([, a], [, b]) => b.mean - a.mean);
  return {
    markdown: `## Results

Means over the seeds with 95 % intervals, best first.

${measureTable(
  results,
  MEASURES,
  ranked.map(([variant]) => variant),
)}

![mAP of each loss](omniglot-losses/map.svg)

## Against normalised softmax

How much higher the mAP is than that of normalised softmax with the same seed. An interval that holds zero is a tie.
${gains.size === 0 ? '\nNormalised softmax is not among the runs yet.' : ''}
${markdownTable(
  ['', 'mAP, points', ''],
  gainRows.map(([variant, gain]) => {
    const verdict =
      gain.halfWidth === undefined
        ? 'one seed: no verdict'
        : Math.abs(gain.mean) <= gain.halfWidth
          ? 'tie'
          : gain.mean > 0
            ? 'better'
            : 'worse';
    return [variant, intervalText(gain, 2), verdict];
  }),
)}`,
    figures: new Map([['map.svg', intervalFigure(new Map(ranked), 'mAP, %')]]),
  };
}
