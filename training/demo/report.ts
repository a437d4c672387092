import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import type { EvaluationResult } from '@softmargin/shared/metrics/summary.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { lossInWords } from '../recipes/loss-in-words.ts';
import { recipeSchema } from '../recipes/recipe.ts';
import { circleFigure } from '../reporting/circle-figure.ts';
import { cmcCurve } from '../reporting/cmc-curve.ts';
import { escaped, rankedList, renderPage, scoreBoxes } from '../reporting/page.ts';
import type { RankedExample } from '../reporting/ranked-examples.ts';

/** What the report shows. */
export interface ReportContent {
  readonly manifest: Manifest;
  readonly result: EvaluationResult;
  /** Held-out digits embedded by the 2-d network. */
  readonly circle: EmbeddingSet;
  readonly examples: { readonly typical: readonly RankedExample[]; readonly worst: readonly RankedExample[] };
}

/** The demo's report: one HTML file that needs nothing else. */
export function renderReport({ manifest, result, circle, examples }: ReportContent): string {
  const recipe = recipeSchema.parse(manifest.recipe);
  return renderPage(
    'softmargin: digits',
    `<h1>Digits, trained with the Soft Margin Loss</h1>
<p>${manifest.dataset.trainImages} digits to train on (${escaped(manifest.dataset.name)}), held out
${escaped(manifest.dataset.split)}. Loss: ${escaped(lossInWords(recipe.losses))}. Embedding of ${manifest.embedding.dimension} dimensions, served by the Worker and
evaluated there by a job: every held-out query against every held-out gallery digit, by ${manifest.embedding.distance} distance.</p>
${scoreBoxes({
  mAP: result.mAP,
  'CMC-1': result.cmc[1],
  'CMC-5': result.cmc[5],
  'CMC-10': result.cmc[10],
  mINP: result.mINP,
  'mAP, trapezoid': result.mAPTrapezoid,
})}
<p>${result.validQueries} queries valid, ${result.skippedQueries} skipped.</p>
<h2>CMC curve</h2>
<figure>${cmcCurve(result.cmc)}</figure>
<h2>Two dimensions on the circle</h2>
<figure>${circleFigure(circle)}
<figcaption>${circle.count} held-out digits under the 2-d toy network, trained with the same joint loss. Its class
weights start evenly spread over the circle. Points of one direction are stacked outwards; spokes are the
mean direction of each digit.</figcaption></figure>
<h2>Ranked lists</h2>
<p>A query, then its ten nearest gallery digits. Green is a match, red is not.</p>
${examples.typical.map(rankedList).join('\n')}
<h2>The worst queries</h2>
<p>The lowest average precision of all ${result.validQueries} queries.</p>
${examples.worst.map(rankedList).join('\n')}
<h2>Manifest</h2>
<details><summary>The bundle's manifest</summary><pre>${escaped(JSON.stringify(manifest, null, 2))}</pre></details>`,
  );
}
