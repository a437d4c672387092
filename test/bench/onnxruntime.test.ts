import { describe, expect, test } from 'vitest';
import { compiledFeatures } from '../../shared/inference/compiled-features.ts';
import { architectures } from '../../shared/models/architectures.ts';
import { createRandom } from '../../shared/random.ts';
import { exampleManifest, randomParameters } from '../bundles.ts';
import { inferenceEngine } from '../inference-engine.ts';
import { INSTALL_ONNXRUNTIME, OnnxRuntime } from './onnxruntime.ts';
import { relativeDifference } from './peer.ts';

const runtime = await OnnxRuntime.start();
const titled = runtime === undefined ? `(needs ${INSTALL_ONNXRUNTIME})` : runtime.version;

describe.skipIf(runtime === undefined)(`onnxruntime-web ${titled} computes what our kernels do`, () => {
  test.each([...architectures.values()])('$name', async (architecture) => {
    const { input, name, dimension } = architecture;
    const count = 2;
    const random = createRandom(3);
    const length = count * input.height * input.width * input.channels;
    const images = Float32Array.from({ length }, () => random.normal());
    const tensors = randomParameters(architecture, 1);

    const network = await (runtime as OnnxRuntime).load(architecture, tensors);
    const theirs = await network.embed(network.prepare(images, count));
    await network.release();
    const features = compiledFeatures(inferenceEngine());
    const ours = await features(architecture, { ...exampleManifest(name, dimension), input }, tensors).embed(
      images,
      count,
    );

    expect(relativeDifference(ours, theirs)).toBeLessThan(1e-4);
  });
});
