import { barY, type PlotOptions, rectY, ruleY } from '@observablehq/plot';

/** The values of an embedding, in order. */
export function embeddingPlot(embedding: readonly number[]): PlotOptions {
  const bars = embedding.map((value, i) => ({ value, i }));
  const largest = Math.max(...embedding.map(Math.abs), Number.MIN_VALUE);
  return {
    ...{ marginLeft: 2, marginRight: 2, marginTop: 2, marginBottom: 2, axis: null },
    y: { domain: [-largest, largest] },
    marks: [
      bars.length > 64
        ? rectY(bars, { x1: 'i', x2: ({ i }) => i + 1, y: 'value', fill: 'var(--curve-0)' })
        : barY(bars, { x: 'i', y: 'value', fill: 'var(--curve-0)' }),
      ruleY([0], { strokeOpacity: 0.5 }),
    ],
  };
}
