import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/** Draws a plot as SVG for a page, or as HTML with SVG in it where it has a legend. */
export function renderPlot(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  return Plot.plot({ ...options, document }).outerHTML;
}

/** Attributes that hold coordinates. */
const COORDINATES = / (?:cx|cy|x|y|x1|x2|y1|y2|d|transform)="[^"]*"/g;

/**
 * A plot without a legend as an SVG file of its own: black on white whatever it is shown on, its coordinates to a
 * tenth of a pixel.
 */
export function svgFile(plot: string): string {
  if (!plot.startsWith('<svg ')) throw new Error('A plot with a legend is no SVG file.');
  return plot
    .replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" style="background: white; color: black" ')
    .replace(COORDINATES, (attribute) => attribute.replace(/(\d\.\d)\d+/g, '$1'));
}
