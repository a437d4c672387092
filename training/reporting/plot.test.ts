import sharp from 'sharp';
import { expect, test } from 'vitest';
import { circleFigure } from './circle-figure.ts';
import { curveFigure } from './curve-figure.ts';
import { planeFigure } from './plane-figure.ts';
import { svgFile } from './plot.ts';

const set = {
  count: 4,
  dimension: 2,
  features: Float32Array.of(1, 0.3, 0.2, 1, -1, 0.1, 0.3, -1),
  identities: Int32Array.of(0, 1, 0, 1),
  cameras: new Int32Array(4),
};

test.each([
  ['circle', circleFigure(set)],
  ['plane', planeFigure(set)],
])('the %s is an SVG file that other programs draw, white and with something on it', async (_, plot) => {
  const { data, info } = await sharp(Buffer.from(svgFile(plot)))
    .flatten({ background: 'red' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([560, 560]);
  const colours = new Set<string>();
  for (let i = 0; i < data.length; i += info.channels) colours.add(data.subarray(i, i + 3).join());
  expect(colours.size).toBeGreaterThan(3);
});

test('coordinates are to a tenth of a pixel', () => {
  const coordinates = [...svgFile(circleFigure(set)).matchAll(/ c[xy]="([^"]+)"/g)].map(([, value]) => value);
  expect(coordinates.length).toBeGreaterThan(0);
  for (const value of coordinates) expect(value).toMatch(/^-?\d+(\.\d)?$/);
});

test('a plot with a legend is no file', () => {
  const points = [{ step: 1, value: 2 }];
  const legend = curveFigure(
    [
      { name: 'a', points },
      { name: 'b', points },
    ],
    'loss',
  );
  expect(() => svgFile(legend)).toThrow('with a legend');
});
