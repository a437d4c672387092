import type { Architecture, ConvolutionLayer, Layers } from './layers.ts';

/** One stored array of a network: what it is for and its shape, as PyTorch stores it. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
}

export type ParameterRole =
  | 'convolution-weight'
  | 'convolution-bias'
  | 'normalisation-weight'
  | 'normalisation-bias'
  | 'running-mean'
  | 'running-variance'
  | 'prelu-slope';

/** Lists the parameters of an architecture, in the order in which the network uses them. */
export function parametersOf(architecture: Architecture): Parameter[] {
  const shapes = new ShapeLayers();
  const { height, width, channels } = architecture.input;
  const [h, w, dimension] = architecture.embed(shapes, [height, width, channels]);
  if (h !== 1 || w !== 1 || dimension !== architecture.dimension) {
    throw new Error(
      `${architecture.name} ends in ${h}×${w}×${dimension}, not in an embedding of ${architecture.dimension}.`,
    );
  }
  return shapes.parameters;
}

/** Height, width and channels of a map. */
type MapShape = readonly [number, number, number];

/** Runs a network on shapes alone. */
class ShapeLayers implements Layers<MapShape> {
  readonly parameters: Parameter[] = [];

  convolution([height, width, channels]: MapShape, layer: ConvolutionLayer): MapShape {
    const { name, filters, kernel, padding = 0, stride = 1, normalisation, activation } = layer;
    this.add(`${name}.weight`, [filters, channels, kernel, kernel], 'convolution-weight');
    if (normalisation === undefined) {
      this.add(`${name}.bias`, [filters], 'convolution-bias');
    } else {
      this.add(`${normalisation}.weight`, [filters], 'normalisation-weight');
      this.add(`${normalisation}.bias`, [filters], 'normalisation-bias');
      this.add(`${normalisation}.running_mean`, [filters], 'running-mean');
      this.add(`${normalisation}.running_var`, [filters], 'running-variance');
    }
    if (activation?.kind === 'prelu') this.add(`${activation.name}.weight`, [filters], 'prelu-slope');
    const length = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
    return [length(height), length(width), filters];
  }

  maxPool([height, width, channels]: MapShape, size: number): MapShape {
    return [Math.floor(height / size), Math.floor(width / size), channels];
  }

  flatten(shape: MapShape): MapShape {
    return shape;
  }

  private add(name: string, shape: number[], role: ParameterRole): void {
    this.parameters.push({ name, shape, role });
  }
}
