import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import type { StepLine, ValidationLine } from '../loop/run-log.ts';
import type { EmbeddedRanking } from '../loop/validate.ts';
import { circleFigure } from './circle-figure.ts';
import { type Curve, curveFigure } from './curve-figure.ts';
import { escaped, rankedList, renderPage, scoreBoxes } from './page.ts';
import { planeFigure } from './plane-figure.ts';
import type { RankedExample } from './ranked-examples.ts';

/** What the report shows. */
export interface TrainingReport {
  readonly manifest: Manifest;
  readonly log: { readonly steps: readonly StepLine[]; readonly validations: readonly ValidationLine[] };
  /** The step that the bundle's weights are of. */
  readonly step: number;
  /** The backend and the adapter that it was trained on. */
  readonly backend: string;
  /** Held-out pictures, embedded by the bundle's weights; nothing of them is shown without. */
  readonly heldOut:
    | {
        readonly ranking: EmbeddedRanking;
        readonly examples: {
          readonly typical: readonly RankedExample[];
          readonly worst: readonly RankedExample[];
        };
      }
    | undefined;
}

/** The report of a training run: one HTML file that needs nothing else. */
export function renderTrainingReport({ manifest, log, step, backend, heldOut }: TrainingReport): string {
  const { name, dataset, embedding } = manifest;
  const total = (of: (line: StepLine) => number) => log.steps.reduce((sum, line) => sum + of(line), 0);
  const seconds = total((line) => line.seconds);
  const waiting = total((line) => line.waitingSeconds);
  const images = total((line) => line.images);
  return renderPage(
    `softmargin: ${name}`,
    `<h1>Training of ${escaped(name)}</h1>
<p>${escaped(manifest.architecture)}, ${embedding.dimension} dimensions, on ${dataset.trainImages} pictures of
${dataset.identities} identities (${escaped(dataset.name)}; ${escaped(dataset.split)}). ${log.steps.length} steps on
${escaped(backend)} in ${(seconds / 60).toFixed(1)} minutes: ${(images / seconds).toFixed(0)} images/s,
${((100 * waiting) / seconds).toFixed(1)} % of the time spent waiting for data. The weights are those of step ${step}.</p>
${heldOut === undefined ? '' : held(heldOut.ranking)}
<h2>Loss</h2>
<figure>${curveFigure(lossCurves(log.steps), 'loss')}
<figcaption>Each term before its weight, and their weighted sum.</figcaption></figure>
<h2>Learning rate</h2>
<figure>${curveFigure([curve('learning rate', log.steps, (line) => line.learningRate)], 'learning rate')}</figure>
<h2>Gradient norm</h2>
<figure>${curveFigure([curve('norm', log.steps, (line) => line.gradientNorm)], 'norm of all gradients')}</figure>
${validation(log.validations)}
${heldOut === undefined ? '' : embeddingOf(heldOut.ranking)}
${heldOut === undefined ? '' : lists(heldOut.examples)}
<h2>Manifest</h2>
<details><summary>The bundle's manifest, with the recipe</summary><pre>${escaped(JSON.stringify(manifest, null, 2))}</pre></details>`,
  );
}

function held({ query, gallery, scores }: EmbeddedRanking): string {
  const against =
    gallery === query
      ? `${query.set.count} held-out pictures, each against the others`
      : `${query.set.count} held-out queries against a gallery of ${gallery.set.count}`;
  return `${scoreBoxes({ mAP: scores.mAP, 'CMC-1': scores.cmc1, mINP: scores.mINP })}
<p>${against}.</p>`;
}

function lossCurves(steps: readonly StepLine[]): Curve[] {
  const parts = Object.keys(steps[0]?.parts ?? {});
  const terms = parts.map((part) => curve(part, steps, (line) => line.parts[part]));
  return parts.length === 1 ? terms : [curve('total', steps, (line) => line.loss), ...terms];
}

function curve(name: string, steps: readonly StepLine[], value: (line: StepLine) => number): Curve {
  return { name, points: steps.map((line) => ({ step: line.step, value: value(line) })) };
}

function validation(validations: readonly ValidationLine[]): string {
  if (validations.length === 0) return '';
  const names = { mAP: 'mAP', cmc1: 'CMC-1', mINP: 'mINP' } as const;
  const curves = (['mAP', 'cmc1', 'mINP'] as const).map((measure) => ({
    name: names[measure],
    points: validations.map((line) => ({ step: line.step, value: 100 * line.validation[measure] })),
  }));
  return `<h2>Validation</h2>
<figure>${curveFigure(curves, '%')}</figure>`;
}

function embeddingOf({ query: { set } }: EmbeddedRanking): string {
  if (set.dimension === 2) {
    return `<h2>The embedding</h2>
<figure>${circleFigure(set)}
<figcaption>Where the loss sees held-out pictures: on the circle. Points of one direction are stacked outwards;
spokes are the mean direction of each identity.</figcaption></figure>`;
  }
  return `<h2>The embedding</h2>
<figure>${planeFigure(set)}
<figcaption>The identities with the most held-out pictures, in the plane of the first two principal components.
</figcaption></figure>`;
}

function lists({
  typical,
  worst,
}: {
  typical: readonly RankedExample[];
  worst: readonly RankedExample[];
}): string {
  return `<h2>Ranked lists</h2>
<p>A query, then the nearest of its list. Green is a match, red is not.</p>
${typical.map(rankedList).join('\n')}
<h2>The worst queries</h2>
${worst.map(rankedList).join('\n')}`;
}
