import type { Variant } from '../bundle/variant.ts';
import type { Activation, Architecture, Layers } from './layers.ts';

const RELU6: Activation = { kind: 'relu6' };

/** t, c, n, s of the paper's table 2: expansion, channels, blocks, stride of the first. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/**
 * MobileNetV2 (Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018) up to its
 * 1280 pooled features, with torchvision's parameter names, and a batch normalisation of ours before the
 * embedding.
 */
function mobileNetV2({ neck = 'batch-normalisation' }: Variant = {}): Architecture {
  return {
    name: 'mobilenet_v2',
    input: { height: 224, width: 224, channels: 3 },
    resizable: true,
    dimension: 1280,
    head: ['neck.'],
    vary: { fields: ['neck'], by: mobileNetV2 },
    embed(layers, images) {
      let map = layers.convolution(images, {
        ...normalised('features.0', 0),
        filters: 32,
        kernel: 3,
        stride: 2,
        padding: 1,
        activation: RELU6,
      });
      let inputs = 32;
      let index = 1;
      for (const [expansion, filters, blocks, firstStride] of STAGES) {
        for (let block = 0; block < blocks; block++) {
          const stride = block === 0 ? firstStride : 1;
          const name = `features.${index++}.conv`;
          const before = map;
          const residual = { name, inputs, filters, expansion, stride };
          map = layers.part(() => invertedResidual(layers, before, residual));
          inputs = filters;
        }
      }
      map = layers.convolution(map, {
        ...normalised(`features.${index}`, 0),
        filters: 1280,
        kernel: 1,
        activation: RELU6,
      });
      const feature = layers.flatten(layers.globalAveragePool(map));
      return neck === 'none' ? feature : layers.batchNormalisation(feature, { name: 'neck' });
    },
  };
}

export const mobilenetV2 = mobileNetV2();

interface InvertedResidual {
  readonly name: string;
  readonly inputs: number;
  readonly filters: number;
  readonly expansion: number;
  readonly stride: number;
}

function invertedResidual<T>(layers: Layers<T>, input: T, block: InvertedResidual): T {
  const { name, inputs, filters, expansion, stride } = block;
  const width = inputs * expansion;
  let map = input;
  // torchvision numbers the parts as they come; without expansion there is one less.
  let part = 0;
  if (expansion !== 1) {
    map = layers.convolution(map, {
      ...normalised(`${name}.${part++}`, 0),
      filters: width,
      kernel: 1,
      activation: RELU6,
    });
  }
  map = layers.convolution(map, {
    ...normalised(`${name}.${part++}`, 0),
    filters: width,
    kernel: 3,
    stride,
    padding: 1,
    depthwise: true,
    activation: RELU6,
  });
  map = layers.convolution(map, { ...normalised(name, part), filters, kernel: 1 });
  return stride === 1 && inputs === filters ? layers.add(map, input) : map;
}

/** Names of a convolution and of its normalisation, neighbours in a sequence. */
function normalised(sequence: string, index: number) {
  return { name: `${sequence}.${index}`, normalisation: `${sequence}.${index + 1}` };
}
