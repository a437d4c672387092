import type { Bundle, BundleTensor } from '../shared/bundle/bundle.ts';
import type { Manifest } from '../shared/bundle/manifest.ts';
import type { Architecture } from '../shared/models/layers.ts';
import { parametersOf } from '../shared/models/parameters.ts';
import { createRandom } from '../shared/random.ts';

/** A manifest with something in every field. */
export function exampleManifest(architecture = 'mnist-wide', dimension = 32): Manifest {
  return {
    format: 1,
    name: 'digits',
    architecture,
    input: { height: 28, width: 28, channels: 1 },
    preprocessing: {
      resize: 'bilinear-antialiased',
      invert: 'bright-border',
      mean: [0.1307],
      deviation: [0.3081],
    },
    embedding: { dimension, distance: 'cosine' },
    recipe: { seed: 1, loss: { scale: 10, scope: 'class' }, notes: ['straße', null] },
    dataset: { name: 'mnist', trainImages: 60000, testImages: 10000, identities: 10, split: 'official' },
    scores: { mAP: 0.95 },
  };
}

/** Parameters as a trained network might hold: none of them at its neutral value, variances above zero. */
export function randomParameters(architecture: Architecture, seed: number): Map<string, BundleTensor> {
  const random = createRandom(seed);
  const tensors = new Map<string, BundleTensor>();
  for (const { name, shape, role } of parametersOf(architecture)) {
    const length = shape.reduce((product, n) => product * n, 1);
    const inputs = length / shape[0];
    const draw = {
      'convolution-weight': () => random.normal() * Math.sqrt(2 / inputs),
      'convolution-bias': () => 0.3 * random.normal(),
      'depthwise-weight': () => random.normal() * Math.sqrt(2 / inputs),
      'linear-weight': () => random.normal() * Math.sqrt(2 / inputs),
      'linear-bias': () => 0.3 * random.normal(),
      'normalisation-weight': () => 0.5 + random.uniform(),
      'normalisation-bias': () => 0.3 * random.normal(),
      'running-mean': () => 0.5 * random.normal(),
      'running-variance': () => 0.3 + 2 * random.uniform(),
      'prelu-slope': () => 0.5 * random.normal(),
      'pool-exponent': () => 2 + 2 * random.uniform(),
    }[role];
    tensors.set(name, { shape, data: Float32Array.from({ length }, draw) });
  }
  return tensors;
}

/** A bundle as `readBundle` would give it. */
export function exampleBundle(architecture: Architecture, seed = 1): Bundle {
  return {
    manifest: exampleManifest(architecture.name, architecture.dimension),
    tensors: randomParameters(architecture, seed),
    sha256: '0'.repeat(64),
  };
}
