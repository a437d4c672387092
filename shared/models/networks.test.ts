import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { unit } from '../../test/batches.ts';
import { exampleManifest, randomParameters } from '../../test/bundles.ts';
import { plainEmbedding } from '../../test/plain-layers.ts';
import type { PlainMap } from '../../test/plain-network.ts';
import { read } from '../../test/read.ts';
import type { BundleTensor } from '../bundle/bundle.ts';
import { createRandom } from '../random.ts';
import { architectures } from './architectures.ts';
import type { Architecture } from './layers.ts';
import { ServingModel } from './serving.ts';
import { summarise } from './summary.ts';
import { tensorFeatures } from './tensor-features.ts';
import { BatchStatistics, TrainingModel } from './training.ts';

// The first two have tests of their own, against networks written out by hand; those with another pooling
// differ in a layer that layer-gradients.test.ts holds to loops.
const names = [...architectures.keys()].filter((name) => !/^mnist|_gem$/.test(name));

interface Case {
  readonly architecture: Architecture;
  readonly picture: PlainMap;
  readonly tensors: Map<string, BundleTensor>;
  /** By plain loops, of unit length. */
  readonly embedding: number[];
}

const cases = new Map<string, Case>();

/** A network with random parameters and a small picture, embedded in plain loops: once for all backends. */
function caseOf(name: string): Case {
  const known = cases.get(name);
  if (known !== undefined) return known;
  const architecture = architectures.get(name) as Architecture;
  // Neither square nor a multiple of the strides, where the network takes any size.
  const [height, width] = architecture.resizable ? [34, 19] : [28, 28];
  const { channels } = architecture.input;
  const random = createRandom(1);
  const values = Array.from({ length: height * width * channels }, () => Math.fround(random.normal()));
  const picture = { height, width, channels, values };
  const tensors = randomParameters(architecture, 2);
  const embedding = unit(plainEmbedding(architecture, picture, tensors));
  const made = { architecture, picture, tensors, embedding };
  cases.set(name, made);
  return made;
}

const toTensor = ({ height, width, channels, values }: PlainMap) =>
  tf.tensor4d(values as number[], [1, height, width, channels]);

function servingModel({ architecture, picture }: Case, tensors: Map<string, BundleTensor>): ServingModel {
  const { height, width } = picture;
  const manifest = exampleManifest(architecture.name, architecture.dimension);
  const input = { ...architecture.input, height, width };
  return ServingModel.load(
    { manifest: { ...manifest, input }, tensors, sha256: '0'.repeat(64) },
    tensorFeatures,
  );
}

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  describe.each(names)('%s', (name) => {
    test('serving embeds as plain loops do', { timeout: 120_000 }, async () => {
      const given = caseOf(name);
      const model = servingModel(given, given.tensors);
      const found = await model.embed(Float32Array.from(given.picture.values), 1);
      expectAllClose(found, given.embedding, 1e-4, 'embedding');
      model.dispose();
    });

    test('training at rest embeds as plain loops do', { timeout: 120_000 }, async () => {
      const given = caseOf(name);
      const model = new TrainingModel(given.architecture, given.tensors);
      const found = await read(() => model.embed(toTensor(given.picture)));
      expectAllClose(unit([...found]), given.embedding, 1e-4, 'embedding');
      model.dispose();
    });
  });

  test.each(['conv4', 'osnet_ain_x1_0', 'osnet_x0_25', 'mobilenet_v2'])(
    '%s: serving embeds as training does, where the running statistics are the batch’s',
    { timeout: 120_000 },
    async (name) => {
      const given = caseOf(name);
      // Larger than for the loops: over the two pixels that are left of a small picture, instance normalisation
      // makes a sign of a rounding.
      const [height, width] = given.architecture.resizable ? [66, 50] : [28, 28];
      const { channels } = given.picture;
      const random = createRandom(3);
      const pictures = Float32Array.from({ length: 4 * height * width * channels }, () => random.normal());
      const training = new TrainingModel(given.architecture, given.tensors);
      const statistics = new BatchStatistics();
      const trained = await read(() => {
        const features = training.embed(tf.tensor4d(pictures, [4, height, width, channels]), statistics);
        return tf.div(features, tf.norm(features, 2, 1, true));
      });
      const tensors = new Map(given.tensors);
      for (const [layer, { mean, variance }] of statistics.collected) {
        tensors.set(`${layer}.running_mean`, {
          shape: mean.shape,
          data: (await mean.data()) as Float32Array,
        });
        tensors.set(`${layer}.running_var`, {
          shape: mean.shape,
          data: (await variance.data()) as Float32Array,
        });
      }
      const serving = servingModel({ ...given, picture: { ...given.picture, height, width } }, tensors);
      expectAllClose(await serving.embed(pictures, 4), trained, 1e-3, 'embeddings');
      statistics.dispose();
      training.dispose();
      serving.dispose();
    },
  );
});

describe('every parameter has a part in the embedding', () => {
  beforeAll(() => startBackend('cpu'));

  test.each(['conv4', 'osnet_x0_25', 'mobilenet_v2'])('%s', { timeout: 120_000 }, async (name) => {
    const { architecture, picture, tensors } = caseOf(name);
    const model = new TrainingModel(architecture, tensors);
    const variables = model.trainable;
    const { value, grads } = tf.variableGrads(
      () => tf.sum(tf.square(model.embed(toTensor(picture)))) as tf.Scalar,
      [...variables.values()],
    );
    expect(Object.keys(grads).length).toBe(variables.size);
    tf.dispose([value, grads]);
    model.dispose();
  });
});

describe('the memory of serving', () => {
  beforeAll(() => startBackend('wasm'));

  test.each(['osnet_x0_5', 'mobilenet_v2'])(
    '%s frees what a part leaves behind, and nothing is left after it',
    { timeout: 120_000 },
    async (name) => {
      const given = caseOf(name);
      const [height, width] = [128, 64];
      const before = tf.memory().numTensors;
      const model = servingModel({ ...given, picture: { ...given.picture, height, width } }, given.tensors);
      const picture = new Float32Array(height * width * 3).fill(0.5);
      await model.embed(picture, 1);
      const held = tf.memory();
      const { peakBytes } = await tf.profile(async () => {
        await model.embed(picture, 1);
        return [];
      });
      const { activationBytes } = summarise(given.architecture, { height, width });
      expect(peakBytes - held.numBytes).toBeLessThan(activationBytes / 2.5);
      expect(tf.memory().numTensors).toBe(held.numTensors);
      model.dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
  );
});
