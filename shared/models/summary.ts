import type { Architecture, InputSize } from './layers.ts';
import { isTrainable, type Parameter, sizeOf } from './parameters.ts';
import { type MapShape, structureOf } from './structure.ts';

/** What a network is made of and what it costs, for one picture. */
export interface NetworkSummary {
  readonly model: string;
  readonly input: InputSize;
  readonly dimension: number;
  readonly layers: readonly LayerSummary[];
  /** How many numbers are learned. */
  readonly parameters: number;
  /** How many of them belong to the head, which a backbone's published count does not have. */
  readonly headParameters: number;
  /** Running means and variances of batch normalisation. */
  readonly runningStatistics: number;
  /** Of convolutions and fully connected layers, without biases. */
  readonly multiplyAdds: number;
  /**
   * Bytes of the outputs of all layers in float32. A layer with its normalisation and its activation has one
   * output, as in serving; training keeps what is in between, too, and so two to three times as much.
   */
  readonly activationBytes: number;
}

export interface LayerSummary {
  readonly kind: string;
  readonly name: string;
  readonly output: MapShape;
  readonly parameters: number;
  readonly multiplyAdds: number;
}

/**
 * Sums up a network for pictures of a size, its own without one.
 *
 * @throws {RangeError} if the network does not take pictures of that size.
 */
export function summarise(
  architecture: Architecture,
  size: { readonly height: number; readonly width: number } = architecture.input,
): NetworkSummary {
  const { name, input, resizable, dimension, head = [] } = architecture;
  if (!resizable && (size.height !== input.height || size.width !== input.width)) {
    throw new RangeError(
      `${name} takes pictures of ${input.height}×${input.width} only, not ${size.height}×${size.width}.`,
    );
  }
  const structure = structureOf(architecture, size);
  const all = structure.flatMap(({ parameters }) => parameters);
  const learned = all.filter(isTrainable);
  return {
    model: name,
    input: { ...input, height: size.height, width: size.width },
    dimension,
    layers: structure.map((layer) => ({ ...layer, parameters: count(layer.parameters.filter(isTrainable)) })),
    parameters: count(learned),
    headParameters: count(learned.filter((one) => head.some((prefix) => one.name.startsWith(prefix)))),
    runningStatistics: count(all) - count(learned),
    multiplyAdds: structure.reduce((sum, layer) => sum + layer.multiplyAdds, 0),
    activationBytes: structure.reduce((sum, { output: [h, w, c] }) => sum + 4 * h * w * c, 0),
  };
}

function count(parameters: readonly Parameter[]): number {
  return parameters.reduce((sum, parameter) => sum + sizeOf(parameter), 0);
}
