import { extremesScopes } from '@softmargin/shared/losses/class-extremes.ts';
import { omniglot } from '../recipes/omniglot.ts';
import { overrideRecipe } from '../recipes/override.ts';
import type { Experiment, ExperimentPage, ExperimentResults } from './experiment.ts';
import { intervalText } from './interval.ts';
import { rankedMeasures } from './ranked-measures.ts';
import { gainsOver, markdownTable, meansByVariant } from './table.ts';

const WEIGHTS = [1, 4];
const SCALES = [5, 10, 20];
const SHARPNESSES = [1, 8];

const baselineOf = (scale: number) => `softmax-s${scale}`;
const nameOf = (scope: string, weight: number, scale: number, sharpness: number) =>
  `${scope}-w${weight}-s${scale}-g${sharpness}`;

function variants(): Map<string, readonly string[]> {
  const all = new Map<string, readonly string[]>();
  for (const scale of SCALES) {
    const softmax = { name: 'normalised-softmax', scale };
    all.set(baselineOf(scale), [`losses=${JSON.stringify([softmax])}`]);
    for (const scope of extremesScopes) {
      for (const weight of WEIGHTS) {
        for (const sharpness of SHARPNESSES) {
          const term = { name: 'soft-margin', scope, weight, sharpness };
          all.set(nameOf(scope, weight, scale, sharpness), [`losses=${JSON.stringify([softmax, term])}`]);
        }
      }
    }
  }
  return all;
}

/** SML's own parameters, one against the other. */
export const smlAblation: Experiment = {
  name: 'sml-ablation',
  title: 'What the parameters of SML do',
  introduction: `
The joint loss, normalised softmax with scale s plus λ times the Soft Margin Loss, over the scope of SML (which
samples its two distances are taken over), its weight λ, the scale s of the softmax beside it, and the sharpness γ,
which is an extension of ours (the paper's form is γ = 1). Trained and validated as in
[omniglot-losses](omniglot-losses.md), with half of its budget.`,
  recipe: overrideRecipe(omniglot, ['dataset.validation=6', 'steps=1000']),
  variants: variants(),
  measure: rankedMeasures,
  render,
};

function render(results: ExperimentResults): ExperimentPage {
  const means = meansByVariant(results, 'mAP');
  const gains = gainsOver(results, (variant) => baselineOf(Number(/-s(\d+)/.exec(variant)?.[1])), 'mAP');
  const cell = (variant: string) => {
    const mean = means.get(variant);
    const gain = gains.get(variant);
    if (mean === undefined) return '–';
    return `${intervalText(mean, 2)}${gain === undefined ? '' : ` (${gain.mean < 0 ? '' : '+'}${intervalText(gain, 2)})`}`;
  };
  const sections = SCALES.map((scale) => {
    const rows = extremesScopes.flatMap((scope) =>
      WEIGHTS.map((weight) => [
        `${scope}, λ = ${weight}`,
        ...SHARPNESSES.map((sharpness) => cell(nameOf(scope, weight, scale, sharpness))),
      ]),
    );
    return `### s = ${scale}

Without SML: ${cell(baselineOf(scale))}.

${markdownTable(['scope, λ', ...SHARPNESSES.map((sharpness) => `γ = ${sharpness}`)], rows)}`;
  });
  return {
    markdown: `## Results

mAP in per cent on held-out alphabets, means over the seeds with 95 % intervals; in brackets, how much higher it is
than that of normalised softmax alone with the same scale and seed.

${sections.join('\n\n')}`,
    figures: new Map(),
  };
}
