import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { compiledFeatures } from '@softmargin/shared/inference/compiled-features.ts';
import { CompiledNetwork } from '@softmargin/shared/inference/compiled-network.ts';
import { EngineWeights } from '@softmargin/shared/inference/layer-weights.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { tensorFeatures } from '@softmargin/shared/models/tensor-features.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs-core';
import type { InferenceRequest } from '../../test/bench/inference-request.ts';
import { exampleManifest, randomParameters } from '../../test/bundles.ts';
import { startBackend } from '../inference/backend.ts';
import { parsePictureText } from '../inference/base64.ts';
import { DEFAULT_MODEL } from '../inference/built-in-names.ts';
import { builtInBundles } from '../inference/builtin.ts';
import { embedPictures } from '../inference/embed.ts';
import { SAMPLE_PICTURE } from '../inference/sample.ts';
import { isolateMemory } from '../test/memory.ts';

interface Loaded {
  readonly kernels: ServingModel;
  readonly tfjs: ServingModel;
  readonly architecture: Architecture;
  readonly tensors: ReturnType<typeof randomParameters>;
}

let loaded: Loaded | undefined;

/** Does one operation a request; the caller takes the time. */
export default {
  async fetch(request: Request): Promise<Response> {
    // Nothing is started yet: the first embedding is measured too.
    if (request.method === 'GET') return Response.json({ ready: true });
    return Response.json((await operate(await request.json<InferenceRequest>())) ?? null);
  },
} satisfies ExportedHandler;

async function operate(request: InferenceRequest): Promise<unknown> {
  const { models, engine } = await startBackend();
  switch (request.operation) {
    case 'embed a picture': {
      const bytes = builtInBundles[DEFAULT_MODEL];
      const read = () => readBundle(new Uint8Array(bytes));
      await models.use(DEFAULT_MODEL, bytes.byteLength, read, (model) =>
        embedPictures(model, [parsePictureText(SAMPLE_PICTURE)]),
      );
      return undefined;
    }
    case 'memory':
      return isolateMemory();
    case 'load': {
      loaded?.kernels.dispose();
      loaded?.tfjs.dispose();
      const architecture = architectures.get(request.model) as Architecture;
      const tensors = randomParameters(architecture, 1);
      const { input, name, dimension } = architecture;
      const bundle = {
        manifest: { ...exampleManifest(name, dimension), input },
        tensors,
        sha256: '0'.repeat(64),
      };
      loaded = {
        kernels: ServingModel.load(bundle, compiledFeatures(engine)),
        tfjs: ServingModel.load(bundle, tensorFeatures),
        architecture,
        tensors,
      };
      return undefined;
    }
    case 'embed': {
      const { architecture, [request.by]: model } = loaded as Loaded;
      const images = picturesFor(architecture, request.batch);
      for (let i = 0; i < request.times; i++) await model.embed(images, request.batch);
      return undefined;
    }
    case 'multiply':
      await multiply(request.size, request.times);
      return undefined;
    case 'profile':
      return profile(loaded as Loaded, request.times);
  }
}

const made = new Map<string, Float32Array>();

/** Random numbers, made once: what is measured is not their making. */
function randomNumbers(length: number, seed: number): Float32Array {
  const key = `${length} ${seed}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const random = createRandom(seed);
  const numbers = Float32Array.from({ length }, () => random.normal());
  made.set(key, numbers);
  return numbers;
}

function picturesFor({ input }: Architecture, count: number): Float32Array {
  const { height, width, channels } = input;
  return randomNumbers(count * height * width * channels, 1);
}

async function multiply(size: number, times: number): Promise<void> {
  const [a, b] = [1, 2].map((seed) => tf.tensor2d(randomNumbers(size * size, seed), [size, size]));
  for (let i = 0; i < times; i++) {
    const product = tf.matMul(a, b);
    if (i === times - 1) await product.data();
    product.dispose();
  }
  tf.dispose([a, b]);
}

async function profile({ architecture, tensors }: Loaded, times: number): Promise<Record<string, number>> {
  const { engine } = await startBackend();
  const network = new CompiledNetwork(
    engine,
    architecture,
    architecture.input,
    (steps) => new EngineWeights(engine, steps, tensors),
  );
  const image = picturesFor(architecture, 1);
  network.run(image, 1);
  const milliseconds: Record<string, number> = {};
  let kind: string | undefined;
  let since = 0;
  for (let i = 0; i < times; i++) {
    network.run(image, 1, (step) => {
      const now = performance.now();
      if (kind !== undefined) milliseconds[kind] = (milliseconds[kind] ?? 0) + (now - since) / times;
      kind = step?.kind === 'convolution' ? `convolution ${step.kernel}×${step.kernel}` : step?.kind;
      since = now;
    });
  }
  network.dispose();
  return milliseconds;
}
