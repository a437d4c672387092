import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/** Draws a plot as SVG, or as HTML with SVG in it where it has a legend. */
export function renderPlot(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  return Plot.plot({ ...options, document }).outerHTML;
}
