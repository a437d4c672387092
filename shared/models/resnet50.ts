import type { Variant } from '../bundle/variant.ts';
import type { Activation, Architecture, Layers } from './layers.ts';

const RELU: Activation = { kind: 'relu' };

/** Width of the inner convolutions, blocks and first stride of each stage. */
const STAGES = [
  { width: 64, blocks: 3, stride: 1 },
  { width: 128, blocks: 4, stride: 2 },
  { width: 256, blocks: 6, stride: 2 },
  // The last stride is a choice. ImageNet's is 2; with 1 the last map is twice as high and wide, which re-identification gains from.
  { width: 512, blocks: 3, stride: undefined },
] as const;

/** Channels out of a bottleneck by channels within. */
const EXPANSION = 4;

interface ResNet50Options {
  readonly name: string;
  readonly pooling: 'average' | 'gem';
  /** IBN-a: half of the first normalisation in the blocks of the first three stages is by instance. */
  readonly instanceBatch: boolean;
}

/** Blocks of a stage, from its end, that fast-reid's AGW follows with a non-local block. */
const NON_LOCAL = [0, 2, 3, 0] as const;

/**
 * ResNet-50 (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016) as re-identification uses it
 * (Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification", CVPRW 2019): last stride
 * 1, and batch normalisation between the pooled 2048-d feature and the embedding. The stride of a block is
 * on its 3×3 convolution, as in torchvision, whose parameter names these are; the neck's and the pooling's
 * are ours.
 *
 * IBN-a is Pan et al.'s ("Two at Once: Enhancing Learning and Generalization Capacities via IBN-Net", ECCV
 * 2018), with the names of its authors' release.
 */
function resNet50(options: ResNet50Options, variant: Variant = {}): Architecture {
  const { name, pooling, instanceBatch } = options;
  const { neck = 'batch-normalisation', lastStride = 1, nonLocal = false } = variant;
  const { stemPool = 'padded', stemActivation = 'relu' } = variant;
  return {
    name,
    input: { height: 256, width: 128, channels: 3 },
    resizable: true,
    dimension: 2048,
    head: ['neck.', 'pool.'],
    vary: {
      fields: ['neck', 'lastStride', 'stemPool', 'stemActivation', 'nonLocal'],
      by: (other) => resNet50(options, other),
    },
    embed(layers, images) {
      let map = layers.part(() => {
        const stem = layers.convolution(images, {
          name: 'conv1',
          normalisation: 'bn1',
          filters: 64,
          kernel: 7,
          stride: 2,
          padding: 3,
          ...(stemActivation === 'relu' && { activation: RELU }),
        });
        return layers.maxPool(stem, 3, {
          stride: 2,
          ...(stemPool === 'ceil' ? { ceil: true } : { padding: 1 }),
        });
      });
      for (const [stage, { width, blocks, stride = lastStride }] of STAGES.entries()) {
        const firstNonLocal = blocks - (nonLocal ? NON_LOCAL[stage] : 0);
        const before = map;
        map = layers.part(() => {
          let within = before;
          for (let block = 0; block < blocks; block++) {
            within = bottleneck(layers, within, {
              name: `layer${stage + 1}.${block}`,
              width,
              stride: block === 0 ? stride : 1,
              downsample: block === 0,
              instanceBatch: instanceBatch && stage < 3,
            });
            if (block >= firstNonLocal) {
              const gathered = within;
              const name = `NL_${stage + 1}.${block - firstNonLocal}`;
              within = layers.part(() => nonLocalBlock(layers, gathered, name, EXPANSION * width));
            }
          }
          return within;
        });
      }
      const pooled =
        pooling === 'gem' ? layers.generalisedMeanPool(map, 'pool') : layers.globalAveragePool(map);
      const feature = layers.flatten(pooled);
      return neck === 'none' ? feature : layers.batchNormalisation(feature, { name: 'neck' });
    },
  };
}

/**
 * A non-local block (Wang et al., "Non-local Neural Networks", CVPR 2018) as fast-reid has it: without softmax,
 * divided by the number of positions, and with one channel within. For one channel the products
 * θ(x) φ(x)ᵀ g(x) / N are θ(x) times the mean of φ(x) · g(x).
 */
export function nonLocalBlock<T>(layers: Layers<T>, input: T, name: string, filters: number): T {
  const [theta, phi, g] = ['theta', 'phi', 'g'].map((part) =>
    layers.convolution(input, { name: `${name}.${part}`, filters: 1, kernel: 1 }),
  );
  const gathered = layers.scaleChannels(theta, layers.globalAveragePool(layers.multiply(phi, g)));
  const residual = layers.convolution(gathered, {
    name: `${name}.W.0`,
    normalisation: `${name}.W.1`,
    bias: true,
    filters,
    kernel: 1,
  });
  return layers.add(residual, input);
}

interface Bottleneck {
  readonly name: string;
  readonly width: number;
  readonly stride: number;
  readonly downsample: boolean;
  readonly instanceBatch: boolean;
}

function bottleneck<T>(layers: Layers<T>, input: T, block: Bottleneck): T {
  const { name, width, stride } = block;
  const part = (index: number) => ({ name: `${name}.conv${index}`, normalisation: `${name}.bn${index}` });

  return layers.part(() => {
    let map = block.instanceBatch
      ? instanceBatchConvolution(layers, input, name, width)
      : layers.convolution(input, { ...part(1), filters: width, kernel: 1, activation: RELU });
    map = layers.convolution(map, {
      ...part(2),
      filters: width,
      kernel: 3,
      stride,
      padding: 1,
      activation: RELU,
    });
    map = layers.convolution(map, { ...part(3), filters: EXPANSION * width, kernel: 1 });
    const shortcut = block.downsample
      ? layers.convolution(input, {
          name: `${name}.downsample.0`,
          normalisation: `${name}.downsample.1`,
          filters: EXPANSION * width,
          kernel: 1,
          stride,
        })
      : input;
    return layers.activate(layers.add(map, shortcut), RELU);
  });
}

function instanceBatchConvolution<T>(layers: Layers<T>, input: T, block: string, width: number): T {
  const map = layers.convolution(input, { name: `${block}.conv1`, filters: width, kernel: 1, bias: false });
  const [first, second] = layers.splitChannels(map, [width / 2, width / 2]);
  const normalised = layers.concatenateChannels([
    layers.instanceNormalisation(first, { name: `${block}.bn1.IN` }),
    layers.batchNormalisation(second, { name: `${block}.bn1.BN` }),
  ]);
  return layers.activate(normalised, RELU);
}

export const resnet50 = resNet50({ name: 'resnet50', pooling: 'average', instanceBatch: false });
export const resnet50Gem = resNet50({ name: 'resnet50_gem', pooling: 'gem', instanceBatch: false });
export const resnet50IbnA = resNet50({ name: 'resnet50_ibn_a', pooling: 'average', instanceBatch: true });
export const resnet50IbnAGem = resNet50({ name: 'resnet50_ibn_a_gem', pooling: 'gem', instanceBatch: true });
