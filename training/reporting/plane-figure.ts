import * as Plot from '@observablehq/plot';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { indicesByIdentity } from '@softmargin/shared/sets/identities.ts';
import { renderPlot } from './plot.ts';
import { principalPlane } from './principal-components.ts';

/** Identities that are told apart by colour; more cannot be. */
const MOST_IDENTITIES = 10;
/** Items drawn of each. */
const MOST_ITEMS = 150;

/**
 * An embedding as SVG: the identities with the most items, at unit length, in the plane that shows most of
 * their variance. In two dimensions the plane is the embedding as it is, its lengths included.
 */
export function planeFigure({ dimension, features, identities }: EmbeddingSet): string {
  const shown = [...indicesByIdentity(identities)]
    .sort(([a, of], [b, others]) => others.length - of.length || a - b)
    .slice(0, MOST_IDENTITIES)
    .sort(([a], [b]) => a - b)
    .map(([identity, items]) => [identity, items.slice(0, MOST_ITEMS)] as const);
  const items = shown.flatMap(([, of]) => of);
  const rows = new Float32Array(items.length * dimension);
  for (const [i, item] of items.entries()) {
    const row = features.subarray(item * dimension, (item + 1) * dimension);
    const length = dimension === 2 ? 1 : Math.hypot(...row) || 1;
    for (let k = 0; k < dimension; k++) rows[i * dimension + k] = row[k] / length;
  }
  const plane = dimension === 2 ? rows : principalPlane(rows, items.length, dimension);
  const points = items.map((item, i) => ({
    x: plane[2 * i],
    y: plane[2 * i + 1],
    identity: String(identities[item]),
  }));
  return renderPlot({
    width: 560,
    height: 560,
    margin: 12,
    aspectRatio: 1,
    x: { axis: null },
    y: { axis: null },
    color: {
      type: 'categorical',
      scheme: 'observable10',
      domain: shown.map(([identity]) => String(identity)),
    },
    marks: [
      Plot.ruleX([0], { strokeOpacity: 0.15 }),
      Plot.ruleY([0], { strokeOpacity: 0.15 }),
      Plot.dot(points, { x: 'x', y: 'y', fill: 'identity', r: 2, fillOpacity: 0.75 }),
      Plot.text(
        points,
        Plot.groupZ(
          { x: 'mean', y: 'mean', text: 'first' },
          { x: 'x', y: 'y', z: 'identity', text: 'identity', fontSize: 14, fontWeight: 'bold' },
        ),
      ),
    ],
  });
}
