import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import type { InputSize, Sides } from '@softmargin/shared/models/layers.ts';
import * as z from 'zod';
import type { ImportedNetwork } from './layers-model.ts';
import { TopologyBuilder, type Windows } from './topology-builder.ts';

const attributeSchema = z.looseObject({
  s: z.string().optional(),
  i: z.union([z.string(), z.number()]).optional(),
  f: z.number().optional(),
  b: z.boolean().optional(),
  list: z
    .looseObject({
      i: z.array(z.union([z.string(), z.number()])).optional(),
      s: z.array(z.string()).optional(),
    })
    .optional(),
  shape: z
    .looseObject({ dim: z.array(z.looseObject({ size: z.union([z.string(), z.number()]) })).optional() })
    .optional(),
});

const nodeSchema = z.looseObject({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()).default([]),
  attr: z.record(z.string(), attributeSchema).default({}),
});

type Node = z.infer<typeof nodeSchema>;

const OPERATIONS = [
  'Placeholder, Const, Identity, Conv2D, DepthwiseConv2dNative, BiasAdd, FusedBatchNormV3, Relu, Relu6, Sigmoid',
  'AddV2, Mean, MaxPool, AvgPool, MatMul, Pad, Reshape, Squeeze, ConcatV2 and the fused ones of them',
].join(', ');

/**
 * Lists a graph model of TensorFlow.js (a frozen graph) in our vocabulary.
 *
 * @param output the operation whose result is the embedding; the last mean over height and width unless given.
 * @throws {Error} that names the first operation that is not supported, and why.
 */
export function importGraphModel(
  topology: Readonly<Record<string, unknown>>,
  weights: ReadonlyMap<string, BundleTensor>,
  output?: string,
): ImportedNetwork {
  const parsed = z.array(nodeSchema).safeParse(topology.node);
  if (!parsed.success) throw new Error('The topology is not that of a graph model: its nodes are not there.');
  const nodes = new Map(parsed.data.map((node) => [node.name, node]));
  const end = output ?? parsed.data.findLast((node) => isGlobalMean(node, weights))?.name;
  if (end === undefined) {
    throw new Error('There is no mean over height and width: --embedding names the operation to end in.');
  }
  const order = sorted(end, nodes);
  const uses = new Map<string, number>();
  for (const node of order) {
    for (const input of inputsOf(node)) uses.set(input, (uses.get(input) ?? 0) + 1);
  }
  const builder = new TopologyBuilder(uses);
  let input: InputSize | undefined;
  for (const node of order) {
    if (node.op === 'Placeholder') {
      if (input !== undefined) throw new Error(`"${node.name}" is a second input; one is supported.`);
      input = pictureSize(node);
      builder.picture(node.name, input);
    } else if (node.op !== 'Const') {
      translate(node, builder, (name) => constant(name, nodes, weights));
    }
  }
  if (input === undefined) throw new Error(`"${end}" does not depend on an input.`);
  const [height, width, dimension] = builder.shapeOf(end);
  if (height !== 1 || width !== 1)
    throw new Error(`"${end}" gives ${height}×${width} pixels, not one embedding.`);
  return { input, topology: builder.topology, parameters: builder.parameters, dimension, output: end };
}

/** Names of what a node takes, without the output's index and what only has to come before. */
function inputsOf({ input }: Node): string[] {
  return input.filter((name) => !name.startsWith('^')).map((name) => name.replace(/:0$/, ''));
}

/** What a node depends on and itself, each after what it takes. */
function sorted(end: string, nodes: ReadonlyMap<string, Node>): Node[] {
  const done = new Set<string>();
  const order: Node[] = [];
  const open = [{ name: end, isReady: false }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { name, isReady } = next;
    const node = nodes.get(name);
    if (node === undefined) throw new Error(`There is no operation "${name}".`);
    if (isReady) order.push(node);
    if (isReady || done.has(name)) continue;
    done.add(name);
    open.push({ name, isReady: true }, ...inputsOf(node).map((one) => ({ name: one, isReady: false })));
  }
  return order;
}

function isGlobalMean(node: Node, weights: ReadonlyMap<string, BundleTensor>): boolean {
  const axes = weights.get(inputsOf(node)[1] ?? '');
  return node.op === 'Mean' && axes?.data.join() === '1,2';
}

function constant(
  name: string,
  nodes: ReadonlyMap<string, Node>,
  weights: ReadonlyMap<string, BundleTensor>,
): BundleTensor | undefined {
  const node = nodes.get(name);
  if (node?.op === 'Identity') return constant(inputsOf(node)[0], nodes, weights);
  return node?.op === 'Const' ? weights.get(name) : undefined;
}

function pictureSize({ name, attr }: Node): InputSize {
  const shape = attr.shape?.shape?.dim?.map(({ size }) => Number(size)) ?? [];
  const [, height, width, channels] = shape;
  if (shape.length !== 4 || height < 1 || width < 1 || (channels !== 1 && channels !== 3)) {
    throw new Error(`"${name}" takes [${shape}]; [batch, height, width, 1 or 3] is supported.`);
  }
  return { height, width, channels };
}

function translate(
  node: Node,
  builder: TopologyBuilder,
  constantOf: (name: string) => BundleTensor | undefined,
): void {
  const { name, op, attr } = node;
  const inputs = inputsOf(node);
  const [input] = inputs;
  // Of constants alone; they are read where they are taken.
  if (op === 'Identity' && constantOf(input) !== undefined) return;
  const needed = (index: number) => {
    const found = constantOf(inputs[index] ?? '');
    if (found === undefined) throw new Error(`"${name}" takes "${inputs[index]}", which is no constant.`);
    return found;
  };
  if (text(attr.data_format?.s ?? '') === 'NCHW') {
    throw new Error(`"${name}" has its channels first; channels last are supported.`);
  }
  switch (op) {
    case 'Conv2D':
    case '_FusedConv2D':
    case 'DepthwiseConv2dNative':
    case 'FusedDepthwiseConv2dNative': {
      const kernel = needed(1);
      if (numbersOf(attr.dilations, 1)[1] !== 1) throw new Error(`"${name}" is dilated.`);
      const place = windowsOf(node, kernel.shape[0]);
      builder.convolution(name, input, place, op.includes('epthwise'), kernel, undefined);
      fused(node, builder, needed);
      break;
    }
    case 'MatMul':
    case '_FusedMatMul':
      if (attr.transpose_a?.b || attr.transpose_b?.b) throw new Error(`"${name}" transposes.`);
      builder.linear(name, input, needed(1), undefined);
      fused(node, builder, needed);
      break;
    case 'BiasAdd':
      builder.bias(name, input, needed(1));
      break;
    case 'FusedBatchNorm':
    case 'FusedBatchNormV2':
    case 'FusedBatchNormV3':
      builder.batchNormalisation(name, input, attr.epsilon?.f ?? 1e-4, {
        ...{ gamma: needed(1), beta: needed(2), mean: needed(3), variance: needed(4) },
      });
      break;
    case 'Relu':
    case 'Relu6':
    case 'Sigmoid':
      builder.activation(name, input, activationOf(op));
      break;
    case 'Add':
    case 'AddV2': {
      const bias = constantOf(inputs[1]);
      if (bias !== undefined) builder.bias(name, input, bias);
      else builder.add(name, inputs);
      break;
    }
    case 'Mean':
      if (needed(1).data.join() !== '1,2')
        throw new Error(`"${name}" is a mean over other than height and width.`);
      builder.globalAveragePool(name, input);
      break;
    case 'MaxPool':
    case 'AvgPool': {
      const place = windowsOf(node, numbersOf(attr.ksize, 1)[1]);
      if (op === 'MaxPool') builder.maxPool(name, input, place);
      else builder.averagePool(name, input, place);
      break;
    }
    case 'Pad': {
      const [, , top, bottom, left, right, before, after] = needed(1).data;
      if (before !== 0 || after !== 0) throw new Error(`"${name}" pads channels.`);
      builder.zeros(name, input, { top, right, bottom, left });
      break;
    }
    case 'ConcatV2':
      if (![3, -1].includes(needed(inputs.length - 1).data[0]))
        throw new Error(`"${name}" joins other than channels.`);
      builder.concatenate(name, inputs.slice(0, -1));
      break;
    case 'Identity':
      builder.same(name, input);
      break;
    case 'Reshape':
    case 'Squeeze':
      builder.reshape(name, input);
      break;
    default:
      throw new Error(
        `The operation "${name}" is a ${op}, which is not supported. Supported are ${OPERATIONS}.`,
      );
  }
}

/** What a fused operation does beside its products: a bias, then an activation. */
function fused(
  { name, attr }: Node,
  builder: TopologyBuilder,
  needed: (index: number) => BundleTensor,
): void {
  for (const operation of (attr.fused_ops?.list?.s ?? []).map(text)) {
    if (operation === 'BiasAdd') builder.setBias(name, needed(2));
    else if (['Relu', 'Relu6', 'Sigmoid'].includes(operation))
      builder.activate(name, activationOf(operation));
    else throw new Error(`"${name}" is fused with ${operation}, which is not supported.`);
  }
}

function activationOf(operation: string): 'relu' | 'relu6' | 'sigmoid' {
  return operation === 'Relu6' ? 'relu6' : operation === 'Relu' ? 'relu' : 'sigmoid';
}

function windowsOf({ name, attr }: Node, kernel: number): Windows {
  const [, rows, columns] = numbersOf(attr.strides, 1);
  if (rows !== columns)
    throw new Error(`"${name}" has strides of ${rows} and ${columns}; equal ones are supported.`);
  const padding = text(attr.padding?.s ?? '').toLowerCase();
  if (padding === 'explicit') {
    const [, , top, bottom, left, right] = numbersOf(attr.explicit_paddings, 0);
    const sides: Sides = { top, right, bottom, left };
    return { kernel, stride: rows, padding: sides };
  }
  if (padding !== 'same' && padding !== 'valid') throw new Error(`"${name}" pads by "${padding}".`);
  return { kernel, stride: rows, padding };
}

function numbersOf(attribute: z.infer<typeof attributeSchema> | undefined, absent: number): number[] {
  return attribute?.list?.i?.map(Number) ?? Array(8).fill(absent);
}

/** Text as protocol buffers are written in JSON: base64. */
function text(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
