import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fitToInput, normalise, type PreprocessingRule } from '../../shared/images/preprocess.ts';
import { decodeFile } from '../../training/loading/decode.ts';
import { expectAllClose } from '../allclose.ts';
import { dataPath, hasData } from '../data.ts';
import { type FloatTensor, hasPyTorch, readTensors, runScript } from './pytorch.ts';

/** Photographs and drawings of odd sizes, upright and turned, of one channel and of three. */
const PICTURES = [
  'jpeg-crashtest/imagetestsuite__316be81dfdeeb942e904feb3a77f4f83.jpg',
  'jpeg-crashtest/imagetestsuite__3976a754ef0aca80e84e2c403d714579.jpg',
  'jpeg-js/grumpycat.jpg',
  'jpeg-js/rgb.jpg',
  'jpeg-js/skater-progressive.jpg',
  'jpeg-js/tree-rgb.jpg',
  'libjpeg-turbo/testorig.jpg',
  'libjpeg-turbo/vgl_5674_0098.png',
  'pillow/flower.jpg',
  'pillow/flower.webp',
  'pillow/hopper.png',
  'pillow/hopper_gray.jpg',
  'pillow/hopper_orientation_6.jpg',
  'pillow/hopper_orientation_7.jpg',
  'pillow/transparent.png',
  'sharp/Flag_of_the_Netherlands.png',
].map((name) => `decoder-images/${name}`);

/** Of re-identification, of ImageNet, and sizes that no picture divides. */
const FITS = [
  { height: 256, width: 128 },
  { height: 224, width: 224, shorterSide: 256 },
  { height: 97, width: 61 },
  { height: 63, width: 40, shorterSide: 75 },
  { height: 500, width: 331 },
];

const MODES = [
  { mode: 'RGB', channels: 3, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
  { mode: 'L', channels: 1, mean: [0.1307], deviation: [0.3081] },
] as const;

const cases = MODES.flatMap((mode) =>
  PICTURES.flatMap((name) => FITS.map((fit) => ({ name, ...fit, ...mode }))),
);

function ruleOf({ height, width, shorterSide, channels, mean, deviation }: (typeof cases)[number]) {
  return {
    input: { height, width, channels },
    preprocessing: {
      resize: 'bilinear-antialiased',
      ...(shorterSide !== undefined && { shorterSide }),
      invert: 'never',
      mean: [...mean],
      deviation: [...deviation],
    },
  } satisfies PreprocessingRule;
}

describe.skipIf(!hasPyTorch || !hasData(...PICTURES))('Pillow and torchvision', { timeout: 300_000 }, () => {
  let folder: string;
  let tensors: Map<string, FloatTensor>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'softmargin-pillow-'));
    const given = cases.map(({ name, mode, height, width, shorterSide }) => ({
      ...{ path: dataPath(name), mode, height, width, shorterSide },
    }));
    await writeFile(join(folder, 'cases.json'), JSON.stringify(given));
    runScript('preprocessing.py', [join(folder, 'cases.json'), join(folder, 'pictures')]);
    tensors = readTensors(join(folder, 'pictures'));
  }, 120_000);

  afterAll(() => rm(folder, { recursive: true }));

  test.each(PICTURES)('prepare %s as we do', async (picture) => {
    const decoded = await decodeFile(dataPath(picture));
    for (const [index, given] of cases.entries()) {
      const { name, mode, channels, height, width, shorterSide } = given;
      if (name !== picture) continue;
      const what = `${mode} ${height}×${width}${shorterSide ? ` of ${shorterSide}` : ''}`;
      const rule = ruleOf(given);
      const pixels = tensors.get(`pixels.${index}`) as FloatTensor;
      const fitted = fitToInput(decoded, rule);
      expect([fitted.height, fitted.width, fitted.channels], what).toEqual(pixels.shape);
      let most = 0;
      for (const [i, value] of fitted.data.entries()) {
        most = Math.max(most, Math.abs(value - pixels.data[i]));
      }
      expect(most, `grey levels between, ${what}`).toBeLessThanOrEqual(1);
      const same = { channels, data: Uint8Array.from(pixels.data) };
      const values = (tensors.get(`values.${index}`) as FloatTensor).data;
      expectAllClose(normalise(same, rule.preprocessing), values, 1e-6, `values of ${what}`);
    }
  });
});
