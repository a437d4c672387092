import type { RankedExample } from './ranked-examples.ts';

/** A page in one HTML file that needs nothing else. @param body HTML. */
export function renderPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
<main>
${body}
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
.list img { height: 2.5rem; min-width: 1rem; image-rendering: pixelated; border: 3px solid transparent; border-radius: 4px; }
.list .query { margin-right: .6rem; border-color: #8888; } .match { border-color: var(--match) !important; }
.wrong { border-color: var(--wrong) !important; } .precision { margin-left: .4rem; }
pre { overflow-x: auto; font-size: .8rem; }
`;

/** Shares of one, in per cent and in boxes. */
export function scoreBoxes(scores: Readonly<Record<string, number | null>>): string {
  const percent = (value: number | null) => (value === null ? '–' : `${(100 * value).toFixed(2)} %`);
  const boxes = Object.entries(scores).map(
    ([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${percent(value)}</dd></div>`,
  );
  return `<dl class="scores">\n${boxes.join('')}\n</dl>`;
}

/** A query and its ranked list: matches framed green, others red. */
export function rankedList({ query, identity, averagePrecision, items }: RankedExample): string {
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

/** Text as HTML. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
