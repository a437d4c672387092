import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { circleFigure, cmcCurve } from './figures.ts';
import type { RankedExample } from './ranked-examples.ts';
import type { JobResult } from './service.ts';

/** What the report shows. */
export interface ReportContent {
  readonly manifest: Manifest;
  readonly result: JobResult;
  /** Held-out digits embedded by the 2-d network. */
  readonly circle: EmbeddingSet;
  readonly examples: { readonly typical: readonly RankedExample[]; readonly worst: readonly RankedExample[] };
}

/** The demo's report: one HTML file that needs nothing else. */
export function renderReport({ manifest, result, circle, examples }: ReportContent): string {
  const { loss } = manifest.recipe as { loss: Record<string, unknown> };
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>softmargin: digits</title>
<style>${STYLE}</style>
<main>
<h1>Digits, trained with the Soft Margin Loss</h1>
<p>${manifest.dataset.trainImages} digits to train on (${escaped(manifest.dataset.name)}), held out
${escaped(manifest.dataset.split)}. Joint loss: normalised softmax (s = ${loss.scale}) + ${loss.softMarginWeight} × SML
(scope ${loss.softMarginScope}). Embedding of ${manifest.embedding.dimension} dimensions, served by the Worker and
evaluated there by a job: every held-out query against every held-out gallery digit, by ${manifest.embedding.distance} distance.</p>
<dl class="scores">
${score('mAP', result.mAP)}${score('CMC-1', result.cmc[1])}${score('CMC-5', result.cmc[5])}${score('CMC-10', result.cmc[10])}${score('mINP', result.mINP)}${score('mAP, trapezoid', result.mAPTrapezoid)}
</dl>
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
${examples.typical.map(list).join('\n')}
<h2>The worst queries</h2>
<p>The lowest average precision of all ${result.validQueries} queries.</p>
${examples.worst.map(list).join('\n')}
<h2>Manifest</h2>
<details><summary>The bundle's manifest</summary><pre>${escaped(JSON.stringify(manifest, null, 2))}</pre></details>
</main>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --match: #2e9e5b; --wrong: #d5433b; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; background: transparent; }
figcaption, .precision { font-size: .85rem; opacity: .75; }
.scores { display: grid; grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr)); gap: .75rem; }
.scores div { border: 1px solid #8884; border-radius: .5rem; padding: .5rem .75rem; }
.scores dt { font-size: .8rem; opacity: .75; } .scores dd { margin: 0; font-size: 1.2rem; font-weight: 600; white-space: nowrap; }
.list { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem; margin: .4rem 0; }
.list img { width: 2.5rem; height: 2.5rem; image-rendering: pixelated; border: 3px solid transparent; border-radius: 4px; }
.list .query { margin-right: .6rem; border-color: #8888; } .match { border-color: var(--match) !important; }
.wrong { border-color: var(--wrong) !important; } .precision { margin-left: .4rem; }
pre { overflow-x: auto; font-size: .8rem; }
`;

function score(name: string, value: number): string {
  return `<div><dt>${name}</dt><dd>${(100 * value).toFixed(2)} %</dd></div>`;
}

function list({ query, identity, averagePrecision, items }: RankedExample): string {
  const pictures = items.map((item) => {
    const label = `${item.identity}, distance ${item.distance.toFixed(3)}`;
    return picture(item.picture, item.identity === identity ? 'match' : 'wrong', label);
  });
  return `<div class="list">${picture(query, 'query', `query: ${identity}`)}${pictures.join('')}
<span class="precision">AP ${(100 * averagePrecision).toFixed(1)} %</span></div>`;
}

function picture(png: Buffer, kind: string, label: string): string {
  return `<img class="${kind}" alt="${label}" title="${label}" src="data:image/png;base64,${png.toString('base64')}">`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
