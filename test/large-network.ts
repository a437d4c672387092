import type { BundleTensor } from '../shared/bundle/bundle.ts';
import { HalfTensor, ScaledTensor, type WeightType } from '../shared/bundle/packed-tensor.ts';
import type { Architecture } from '../shared/models/layers.ts';
import { parametersOf, sizeOf } from '../shared/models/parameters.ts';
import { createRandom } from '../shared/random.ts';

/** Different numbers that the weights of a generated network have. */
const NUMBERS = 251;

/**
 * Parameters of a network of any size, made in the type that they are stored in: a large one is never there as
 * float32. Weights repeat a few numbers of the right spread; normalisations change nothing.
 */
export function packedParameters(architecture: Architecture, type: WeightType): Map<string, BundleTensor> {
  const random = createRandom(1);
  const draws = Float32Array.from({ length: NUMBERS }, () => random.normal());
  return new Map(
    parametersOf(architecture).map((parameter): [string, BundleTensor] => {
      const { name, shape, role } = parameter;
      const length = sizeOf(parameter);
      if (shape.length < 2) {
        const isOne = role === 'normalisation-weight' || role === 'running-variance';
        return [name, { shape, data: new Float32Array(length).fill(isOne ? 1 : 0) }];
      }
      const scale = 0.7 * Math.sqrt(2 / (length / shape[0]));
      const data = draws.map((draw) => scale * draw);
      const start = Math.floor(random.uniform() * NUMBERS);
      if (type === 'f32') {
        return [name, { shape, data: Float32Array.from({ length }, (_, i) => data[(start + i) % NUMBERS]) }];
      }
      if (type === 'f16') {
        const { halves } = HalfTensor.from(name, { shape: [NUMBERS], data });
        return [name, new HalfTensor(shape, repeat(halves, new Uint16Array(length), start))];
      }
      const { steps, scales } = ScaledTensor.from({ shape: [1, NUMBERS], data });
      const repeated = repeat(steps, new Int8Array(length), start);
      return [name, new ScaledTensor(shape, repeated, new Float32Array(shape[0]).fill(scales[0]))];
    }),
  );
}

function repeat<T extends Uint16Array | Int8Array>(numbers: T, into: T, start: number): T {
  for (let i = 0; i < into.length; i++) into[i] = numbers[(start + i) % numbers.length];
  return into;
}
