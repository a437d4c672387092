import { mnistWide } from '@softmargin/shared/models/mnist-wide.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { tensorFeatures } from '@softmargin/shared/models/tensor-features.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { beforeAll, expect, test, vi } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { exampleBundle } from '../../test/bundles.ts';
import { startBackend } from './backend.ts';
import { Passes } from './passes.ts';

const PIXELS = 28 * 28;

function randomImages(seed: number, count: number): Float32Array[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => Float32Array.from({ length: PIXELS }, () => random.normal()));
}

beforeAll(() => startBackend());

test('what requests put down together is embedded in one pass, and each gets its own', async () => {
  const model = ServingModel.load(exampleBundle(mnistWide), tensorFeatures);
  const embed = vi.spyOn(model, 'embed');
  const passes = new Passes();
  const requests = [randomImages(1, 1), randomImages(2, 3), randomImages(3, 2)];
  const rows = await Promise.all(requests.map((images) => passes.embed(model, images, false)));
  expect(embed.mock.calls.map(([, count]) => count)).toEqual([6]);
  for (const [r, images] of requests.entries()) {
    expect(rows[r]).toHaveLength(images.length);
    for (const [i, image] of images.entries()) expectAllClose(rows[r][i], await model.embed(image, 1), 1e-5);
  }
  model.dispose();
});

test('other models, other settings and what does not fit go in passes of their own', async () => {
  const [one, two] = [1, 2].map((seed) => ServingModel.load(exampleBundle(mnistWide, seed), tensorFeatures));
  const embeds = [one, two].map((model) => vi.spyOn(model, 'embed'));
  const passes = new Passes();
  await Promise.all([
    passes.embed(one, randomImages(1, 10), false),
    passes.embed(one, randomImages(2, 10), false),
    passes.embed(one, randomImages(3, 2), true),
    passes.embed(two, randomImages(4, 4), false),
    passes.embed(one, randomImages(5, 16), false),
  ]);
  const passesOf = (embed: (typeof embeds)[number]) =>
    embed.mock.calls.map(([, count, flip]) => `${count}${flip ? ' flip' : ''}`).sort();
  expect(passesOf(embeds[0])).toEqual(['10', '10', '16', '2 flip']);
  expect(passesOf(embeds[1])).toEqual(['4']);
  one.dispose();
  two.dispose();
});

test('a pass that fails is the failure of those in it, and of no other', async () => {
  const model = ServingModel.load(exampleBundle(mnistWide), tensorFeatures);
  const passes = new Passes();
  vi.spyOn(model, 'embed').mockRejectedValueOnce(new Error('out of memory'));
  const failed = [1, 2].map((seed) => passes.embed(model, randomImages(seed, 1), false));
  for (const each of await Promise.allSettled(failed)) expect(each.status).toBe('rejected');
  expect(await passes.embed(model, randomImages(1, 1), false)).toHaveLength(1);
  model.dispose();
});
