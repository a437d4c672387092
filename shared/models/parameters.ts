import type { Architecture } from './layers.ts';
import { structureOf } from './structure.ts';

/** One stored array of a network: what it is for and its shape, as PyTorch stores it. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
}

export type ParameterRole =
  | 'convolution-weight'
  | 'convolution-bias'
  | 'depthwise-weight'
  | 'linear-weight'
  | 'linear-bias'
  | 'normalisation-weight'
  | 'normalisation-bias'
  | 'running-mean'
  | 'running-variance'
  | 'prelu-slope'
  | 'pool-exponent';

/** Lists the parameters of an architecture, in the order in which the network uses them. */
export function parametersOf(architecture: Architecture): Parameter[] {
  return structureOf(architecture).flatMap((layer) => layer.parameters);
}

/** How many numbers a parameter holds. */
export function sizeOf({ shape }: Pick<Parameter, 'shape'>): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Whether gradients are taken of a parameter: of all but the running statistics. */
export function isTrainable({ role }: Parameter): boolean {
  return role !== 'running-mean' && role !== 'running-variance';
}
