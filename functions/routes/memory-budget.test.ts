import { writeBundle } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import type { WeightType } from '@softmargin/shared/bundle/packed-tensor.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { mobilenetV2 } from '@softmargin/shared/models/mobilenet-v2.ts';
import { osnetX10 } from '@softmargin/shared/models/osnet.ts';
import { resnet50 } from '@softmargin/shared/models/resnet50.ts';
import { beforeAll, expect, test } from 'vitest';
import { exampleManifest } from '../../test/bundles.ts';
import { packedParameters } from '../../test/large-network.ts';
import { startBackend } from '../inference/backend.ts';
import { heapBytes } from '../inference/serving-memory.ts';
import { CODE_BYTES, ISOLATE_BYTES, MAX_HEAP_MODEL_BYTES } from '../limits.ts';
import { type Answer, picture, send } from '../test/client.ts';

/** What an isolate holds between two steps, counted: code as the budget has it, all else as it is. */
async function isolateBytes(): Promise<number> {
  const { engine, decoder, models, memory } = await startBackend();
  return CODE_BYTES + engine.memory.buffer.byteLength + decoder.bytes + models.bytes + memory.requests;
}

async function expectWithin(): Promise<void> {
  const { engine } = await startBackend();
  expect(await isolateBytes()).toBeLessThanOrEqual(ISOLATE_BYTES);
  expect(engine.memory.buffer.byteLength).toBeLessThanOrEqual(heapBytes(MAX_HEAP_MODEL_BYTES));
}

async function upload(
  name: string,
  architecture: Architecture,
  weights: { type: WeightType; serving: 'resident' | 'by-layer' },
): Promise<void> {
  const manifest: Manifest = {
    ...exampleManifest(architecture.name, architecture.dimension),
    input: architecture.input,
    preprocessing: { resize: 'bilinear-antialiased', invert: 'never', mean: [0, 0, 0], deviation: [1, 1, 1] },
    weights,
  };
  const file = await writeBundle(manifest, packedParameters(architecture, weights.type));
  const { status, body } = await send('PUT', `/v1/models/${name}`, file);
  expect(status, body.error?.message).toBe(201);
  await expectWithin();
}

async function embed(model: string, name: string): Promise<Answer> {
  const type = name.startsWith('png') ? 'image/png' : name.startsWith('webp') ? 'image/webp' : 'image/jpeg';
  const answer = await send('POST', `/v1/embeddings?model=${model}`, picture(name), { 'Content-Type': type });
  await expectWithin();
  return answer;
}

beforeAll(async () => {
  await upload('osnet', osnetX10, { type: 'f32', serving: 'resident' });
  await upload('mobilenet', mobilenetV2, { type: 'f32', serving: 'resident' });
  await upload('resnet', resnet50, { type: 'f16', serving: 'by-layer' });
}, 120_000);

test('large models and large pictures, one after the other, stay within an isolate', {
  timeout: 120_000,
}, async () => {
  for (const model of ['resnet', 'osnet', 'mobilenet', 'resnet', 'mnist-wide']) {
    for (const name of ['jpeg', 'webp', 'png']) {
      const { status, body } = await embed(model, name);
      expect(status, body.error?.message).toBe(200);
    }
  }
  for (const name of ['jpeg-largest', 'png-16-bit-largest', 'webp-lossless-largest']) {
    const { status, body } = await embed('mnist-wide', name);
    expect(status, body.error?.message).toBe(200);
  }
});

test('a picture that does not fit beside its model is refused with both figures, and the model goes on', {
  timeout: 60_000,
}, async () => {
  const { status, body } = await embed('resnet', 'jpeg-progressive-largest');
  expect(status).toBe(400);
  expect(body.error.message).toMatch(
    /Decoding the picture takes \d+ bytes beside the \d+ .* one request may have \d+ with the model/,
  );
  expect((await embed('resnet', 'jpeg')).status).toBe(200);
});

test('models at once: each answers, or says that there is no room now', { timeout: 120_000 }, async () => {
  const models = ['resnet', 'osnet', 'mobilenet', 'mnist-wide', 'resnet', 'osnet'];
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(models.map((model) => embed(model, 'jpeg')));
    for (const { status, body } of answers) expect([200, 429], body.error?.message).toContain(status);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(4);
  }
});
