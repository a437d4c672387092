import type { Random } from '../random.ts';

/**
 * What losses learn beside the network: one direction a class (`classWeights`, which all losses on class
 * weights and proxies share), one number a class (`classBias`, softmax only), one point a class (`centres`,
 * center loss only).
 */
export type LossParameterName = 'classWeights' | 'classBias' | 'centres';

/** One learned tensor of the losses. */
export interface LossParameter {
  readonly name: LossParameterName;
  readonly shape: readonly number[];
  /** Normal numbers of mean zero and this deviation; 0 starts from zeros. */
  readonly deviation: number;
}

/** Shape and start of a parameter, of `classes` classes in `dimension` dimensions. */
export function lossParameter(name: LossParameterName, classes: number, dimension: number): LossParameter {
  switch (name) {
    case 'classBias':
      return { name, shape: [classes], deviation: 0 };
    case 'classWeights':
    case 'centres':
      // Rows of unit length on average.
      return { name, shape: [classes, dimension], deviation: 1 / Math.sqrt(dimension) };
  }
}

/** Draws the numbers that a parameter starts from. */
export function initialLossParameter({ shape, deviation }: LossParameter, random: Random): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length }, () => (deviation === 0 ? 0 : deviation * random.normal()));
}
