import { axisX, axisY, binX, type PlotOptions, rectY, ruleX, ruleY } from '@observablehq/plot';

/** How many queries have which average precision; the rule is their mean. */
export function averagePrecisionPlot(values: readonly number[], mAP: number): PlotOptions {
  const percents = values.map((value) => 100 * value);
  const thresholds = Array.from({ length: 21 }, (_, i) => 5 * i);
  return {
    x: { domain: [0, 100] },
    marks: [
      axisX({ label: 'average precision, %', labelArrow: 'none', labelAnchor: 'center', ticks: 5 }),
      axisY({ label: 'queries', labelArrow: 'none', ticks: 5 }),
      rectY(percents, {
        ...binX({ y: 'count' }, { x: (value: number) => value, thresholds }),
        ...{ fill: 'var(--curve-0)', fillOpacity: 0.7, inset: 0.5 },
      }),
      ruleX([100 * mAP], { stroke: 'currentColor', strokeDasharray: '4 3' }),
      ruleY([0]),
    ],
  };
}
