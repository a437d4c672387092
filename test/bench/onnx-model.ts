import {
  type Activation,
  type Architecture,
  type ConvolutionLayer,
  type Layers,
  type LinearLayer,
  NORMALISATION_EPSILON,
  type NormalisationLayer,
  type Padding,
  POOL_FLOOR,
  type PoolWindow,
} from '../../shared/models/layers.ts';
import { sidesOf } from '../../shared/models/padding.ts';
import { stored, type Tensors } from '../plain-network.ts';
import { bytes, bytesOf, type Field, float, integer, message, text } from './protobuf.ts';

/** Versions that onnxruntime-web has long known. */
const IR_VERSION = 8;
const OPERATOR_SET = 17;

/** Numbers of fields and of types in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. */
const MODEL = { irVersion: 1, producer: 2, graph: 7, operatorSet: 8 } as const;
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const NODE = { input: 1, output: 2, operator: 4, attribute: 5 } as const;
const ATTRIBUTE = { name: 1, float: 2, integer: 3, integers: 8, type: 20 } as const;
const ATTRIBUTE_TYPE = { float: 1, integer: 2, integers: 7 } as const;
const TENSOR = { dimensions: 1, type: 2, name: 8, data: 9 } as const;
const TENSOR_TYPE = { float: 1, int64: 7 } as const;

/** The model's input, [N, channels, height, width], and its output, [N, dimension]. */
export const ONNX_INPUT = 'images';
export const ONNX_OUTPUT = 'features';

/** A network and its weights as an ONNX file: each layer as PyTorch has it, which leaves all folding to the reader. */
export function onnxModel(architecture: Architecture, tensors: Tensors): Uint8Array<ArrayBuffer> {
  const { height, width, channels } = architecture.input;
  const layers = new OnnxLayers(tensors);
  layers.write('Flatten', [architecture.embed<string>(layers, ONNX_INPUT)], [ONNX_OUTPUT]);
  const fields = [
    integer(MODEL.irVersion, IR_VERSION),
    text(MODEL.producer, 'softmargin'),
    message(
      MODEL.graph,
      ...layers.fields,
      text(GRAPH.name, architecture.name),
      described(GRAPH.input, ONNX_INPUT, [channels, height, width]),
      described(GRAPH.output, ONNX_OUTPUT, [architecture.dimension]),
    ),
    message(MODEL.operatorSet, integer(2, OPERATOR_SET)),
  ];
  return new Uint8Array(Buffer.concat(fields.flat()));
}

/** An input or output of float32 whose first dimension may have any length. */
function described(field: number, name: string, shape: readonly number[]): Field {
  const lengths = shape.map((length) => message(1, integer(1, length)));
  const tensor = [integer(1, TENSOR_TYPE.float), message(2, message(1, text(2, 'N')), ...lengths)];
  return message(field, text(1, name), message(2, message(1, ...tensor)));
}

/** Writes a network down as nodes of ONNX. A map, [N, channels, height, width], is the name that it has there. */
class OnnxLayers implements Layers<string> {
  readonly fields: Field[] = [];
  readonly #tensors: Tensors;
  /** A layer that is run again has its weights once. */
  readonly #constants = new Set<string>();
  #maps = 0;

  constructor(tensors: Tensors) {
    this.#tensors = tensors;
  }

  convolution(input: string, layer: ConvolutionLayer): string {
    const { kernel, stride = 1, padding, depthwise, filters } = layer;
    return this.#weigh('Conv', input, layer, {
      ...windowOf(kernel, stride, padding),
      group: depthwise ? filters : 1,
    });
  }

  linear(input: string, layer: LinearLayer): string {
    return this.#weigh('Gemm', this.flatten(input), layer, { transB: 1 });
  }

  batchNormalisation(input: string, { name, activation }: NormalisationLayer): string {
    const parts = ['weight', 'bias', 'running_mean', 'running_var'];
    const parameters = parts.map((part) => this.#parameter(`${name}.${part}`));
    const epsilon = new Real(NORMALISATION_EPSILON);
    return this.#activated(this.#map('BatchNormalization', [input, ...parameters], { epsilon }), activation);
  }

  instanceNormalisation(input: string, { name, activation }: NormalisationLayer): string {
    const parameters = ['weight', 'bias'].map((part) => this.#parameter(`${name}.${part}`));
    const epsilon = new Real(NORMALISATION_EPSILON);
    return this.#activated(
      this.#map('InstanceNormalization', [input, ...parameters], { epsilon }),
      activation,
    );
  }

  activate(input: string, activation: Activation): string {
    switch (activation.kind) {
      case 'relu':
        return this.#map('Relu', [input]);
      case 'relu6':
        return this.#map('Clip', [input, this.#number('0', 0), this.#number('6', 6)]);
      case 'sigmoid':
        return this.#map('Sigmoid', [input]);
      case 'prelu': {
        const name = `${activation.name}.weight`;
        const { data } = stored(this.#tensors, name);
        return this.#map('PRelu', [input, this.#floats(name, [data.length, 1, 1], data)]);
      }
    }
  }

  maxPool(input: string, size: number, { stride = size, padding, ceil }: PoolWindow = {}): string {
    return this.#map('MaxPool', [input], { ...windowOf(size, stride, padding), ceil_mode: ceil ? 1 : 0 });
  }

  averagePool(input: string, size: number): string {
    return this.#map('AveragePool', [input], windowOf(size, size));
  }

  globalAveragePool(input: string): string {
    return this.#map('GlobalAveragePool', [input]);
  }

  generalisedMeanPool(input: string, name: string): string {
    const [exponent] = stored(this.#tensors, `${name}.p`).data;
    const floored = this.#map('Max', [input, this.#number('floor', POOL_FLOOR)]);
    const raised = this.#map('Pow', [floored, this.#number(`${name}.p`, exponent)]);
    const root = this.#number(`${name}.p root`, 1 / exponent);
    return this.#map('Pow', [this.globalAveragePool(raised), root]);
  }

  add(a: string, b: string): string {
    return this.#map('Add', [a, b]);
  }

  multiply(a: string, b: string): string {
    return this.#map('Mul', [a, b]);
  }

  scaleChannels(input: string, factors: string): string {
    return this.#map('Mul', [input, factors]);
  }

  splitChannels(input: string, channels: readonly number[]): string[] {
    const name = `split ${channels}`;
    const counts = BigInt64Array.from(channels, BigInt);
    this.#constant(name, TENSOR_TYPE.int64, [channels.length], counts);
    const parts = channels.map(() => this.#name());
    this.write('Split', [input, name], parts, { axis: 1 });
    return parts;
  }

  concatenateChannels(parts: readonly string[]): string {
    return this.#map('Concat', parts, { axis: 1 });
  }

  part(compute: () => string): string {
    return compute();
  }

  flatten(input: string): string {
    return this.#map('Flatten', [input]);
  }

  /** Writes a node. */
  write(
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Attributes = {},
  ): void {
    this.fields.push(
      message(
        GRAPH.node,
        ...inputs.map((name) => text(NODE.input, name)),
        ...outputs.map((name) => text(NODE.output, name)),
        text(NODE.operator, operator),
        ...Object.entries(attributes).map(([name, value]) =>
          message(NODE.attribute, text(ATTRIBUTE.name, name), ...attributeValue(value)),
        ),
      ),
    );
  }

  /** A node with weights and a bias, then normalisation and activation, as the layer has them. */
  #weigh(
    operator: string,
    input: string,
    { name, bias, normalisation, activation }: ConvolutionLayer | LinearLayer,
    attributes: Attributes,
  ): string {
    const parameters = [this.#parameter(`${name}.weight`)];
    if (bias ?? normalisation === undefined) parameters.push(this.#parameter(`${name}.bias`));
    const output = this.#map(operator, [input, ...parameters], attributes);
    if (normalisation === undefined) return this.#activated(output, activation);
    return this.batchNormalisation(output, { name: normalisation, ...(activation && { activation }) });
  }

  #activated(map: string, activation: Activation | undefined): string {
    return activation === undefined ? map : this.activate(map, activation);
  }

  /** A node with one output. */
  #map(operator: string, inputs: readonly string[], attributes?: Attributes): string {
    const name = this.#name();
    this.write(operator, inputs, [name], attributes);
    return name;
  }

  #name(): string {
    return `map ${++this.#maps}`;
  }

  #parameter(name: string): string {
    const { shape, data } = stored(this.#tensors, name);
    return this.#floats(name, shape, data);
  }

  #number(name: string, value: number): string {
    return this.#floats(name, [], Float32Array.of(value));
  }

  #floats(name: string, shape: readonly number[], data: Float32Array): string {
    this.#constant(name, TENSOR_TYPE.float, shape, data);
    return name;
  }

  #constant(name: string, type: number, shape: readonly number[], data: ArrayBufferView): void {
    if (this.#constants.has(name)) return;
    this.#constants.add(name);
    this.fields.push(
      message(
        GRAPH.initializer,
        ...shape.map((length) => integer(TENSOR.dimensions, length)),
        integer(TENSOR.type, type),
        text(TENSOR.name, name),
        bytes(TENSOR.data, bytesOf(data)),
      ),
    );
  }
}

/** A number that ONNX wants as a float, whole or not. */
class Real {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Of a node: whole numbers, lists of them, or floats. */
type Attributes = Readonly<Record<string, number | readonly number[] | Real>>;

function attributeValue(value: Attributes[string]): Field[] {
  if (value instanceof Real) {
    return [float(ATTRIBUTE.float, value.value), integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.float)];
  }
  if (typeof value === 'number') {
    return [integer(ATTRIBUTE.integer, value), integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.integer)];
  }
  const numbers = value.map((each) => integer(ATTRIBUTE.integers, each));
  return [...numbers, integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.integers)];
}

function windowOf(size: number, stride: number, padding?: Padding): Attributes {
  const { top, right, bottom, left } = sidesOf(padding);
  return { kernel_shape: [size, size], strides: [stride, stride], pads: [top, left, bottom, right] };
}
