import type { Activation, Architecture, Layers } from './layers.ts';

const RELU: Activation = { kind: 'relu' };

/** Streams of a block: the t-th is t lite convolutions deep. */
const STREAMS = [1, 2, 3, 4] as const;

/** Where a block's name says which stream and which of its convolutions: torchreid's two files differ. */
type LiteConvolutionName = (stream: number, index: number) => string;

interface OSNetOptions {
  readonly name: string;
  /** Of the stem and of the three stages. */
  readonly channels: readonly [number, number, number, number];
  /** Of both blocks of the three stages: whether they normalise by instance inside the residual. */
  readonly instance: readonly (readonly [boolean, boolean])[];
  readonly instanceStem: boolean;
  readonly liteName: LiteConvolutionName;
  /** Name of the convolution between a stage, from 2 on, and the next. */
  readonly transition: (stage: number) => string;
}

/**
 * OSNet (Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification", ICCV 2019) and OSNet-AIN
 * (Zhou et al., "Learning Generalisable Omni-Scale Representations for Person Re-Identification", TPAMI 2021),
 * with torchreid's parameter names. The embedding is torchreid's feature: 512-d, after its ReLU.
 */
function osNet(options: OSNetOptions): Architecture {
  const { name, channels, instance, instanceStem, liteName, transition } = options;
  return {
    name,
    input: { height: 256, width: 128, channels: 3 },
    resizable: true,
    dimension: 512,
    embed(layers, images) {
      const stem = { name: 'conv1.conv', filters: channels[0], kernel: 7, stride: 2, padding: 3 } as const;
      let map = layers.part(() => {
        const convolved = instanceStem
          ? layers.instanceNormalisation(layers.convolution(images, { ...stem, bias: false }), {
              name: 'conv1.bn',
              activation: RELU,
            })
          : layers.convolution(images, { ...stem, normalisation: 'conv1.bn', activation: RELU });
        return layers.maxPool(convolved, 3, { stride: 2, padding: 1 });
      });
      for (let stage = 2; stage <= 4; stage++) {
        const before = map;
        const filters = channels[stage - 1];
        map = layers.part(() => {
          let within = before;
          for (const [index, byInstance] of instance[stage - 2].entries()) {
            const inputs = index === 0 ? channels[stage - 2] : filters;
            const block = { name: `conv${stage}.${index}`, inputs, filters, byInstance, liteName };
            within = layers.part(() => omniScaleBlock(layers, within, block));
          }
          if (stage === 4) return within;
          return layers.averagePool(pointwise(layers, within, transition(stage), filters, RELU), 2);
        });
      }
      map = pointwise(layers, map, 'conv5', channels[3], RELU);
      return layers.linear(layers.flatten(layers.globalAveragePool(map)), {
        name: 'fc.0',
        normalisation: 'fc.1',
        features: 512,
        bias: true,
        activation: RELU,
      });
    },
  };
}

interface Block {
  readonly name: string;
  readonly inputs: number;
  readonly filters: number;
  readonly byInstance: boolean;
  readonly liteName: LiteConvolutionName;
}

/** Four streams of growing depth, gated by one network that they share, in a residual bottleneck. */
function omniScaleBlock<T>(layers: Layers<T>, input: T, block: Block): T {
  const { name, inputs, filters, byInstance, liteName } = block;
  const width = filters / 4;
  const reduced = pointwise(layers, input, `${name}.conv1`, width, RELU);
  const gated = STREAMS.map((depth, stream) =>
    layers.part(() => {
      let map = reduced;
      for (let index = 0; index < depth; index++) {
        map = liteConvolution(layers, map, `${name}.${liteName(stream, index)}`, width);
      }
      return gate(layers, map, `${name}.gate`, width);
    }),
  );
  const fused = gated.reduce((sum, stream) => layers.add(sum, stream));
  const residual = byInstance
    ? layers.instanceNormalisation(
        layers.convolution(fused, { name: `${name}.conv3.conv`, filters, kernel: 1, bias: false }),
        { name: `${name}.IN` },
      )
    : pointwise(layers, fused, `${name}.conv3`, filters);
  const shortcut = inputs === filters ? input : pointwise(layers, input, `${name}.downsample`, filters);
  return layers.activate(layers.add(residual, shortcut), RELU);
}

/** The lite 3×3: a linear 1×1, then a 3×3 on each channel alone. */
function liteConvolution<T>(layers: Layers<T>, input: T, name: string, filters: number): T {
  const map = layers.convolution(input, { name: `${name}.conv1`, filters, kernel: 1, bias: false });
  return layers.convolution(map, {
    name: `${name}.conv2`,
    normalisation: `${name}.bn`,
    filters,
    kernel: 3,
    padding: 1,
    depthwise: true,
    activation: RELU,
  });
}

/** Channels weighed by what a small network makes of their means. */
function gate<T>(layers: Layers<T>, input: T, name: string, width: number): T {
  const hidden = layers.convolution(layers.globalAveragePool(input), {
    name: `${name}.fc1`,
    filters: Math.floor(width / 16),
    kernel: 1,
    activation: RELU,
  });
  const factors = layers.convolution(hidden, {
    name: `${name}.fc2`,
    filters: width,
    kernel: 1,
    activation: { kind: 'sigmoid' },
  });
  return layers.scaleChannels(input, factors);
}

function pointwise<T>(
  layers: Layers<T>,
  input: T,
  name: string,
  filters: number,
  activation?: Activation,
): T {
  const layer = { name: `${name}.conv`, normalisation: `${name}.bn`, filters, kernel: 1 };
  return layers.convolution(input, activation ? { ...layer, activation } : layer);
}

const NO_INSTANCE = [
  [false, false],
  [false, false],
  [false, false],
] as const;

function plainOSNet(name: string, channels: OSNetOptions['channels']): Architecture {
  return osNet({
    name,
    channels,
    instance: NO_INSTANCE,
    instanceStem: false,
    // The first stream is one module, the others are sequences.
    liteName: (stream, index) => `conv2${'abcd'[stream]}${stream === 0 ? '' : `.${index}`}`,
    transition: (stage) => `conv${stage}.2.0`,
  });
}

export const osnetX025 = plainOSNet('osnet_x0_25', [16, 64, 96, 128]);
export const osnetX05 = plainOSNet('osnet_x0_5', [32, 128, 192, 256]);
export const osnetX075 = plainOSNet('osnet_x0_75', [48, 192, 288, 384]);
export const osnetX10 = plainOSNet('osnet_x1_0', [64, 256, 384, 512]);

export const osnetAinX10 = osNet({
  name: 'osnet_ain_x1_0',
  channels: [64, 256, 384, 512],
  // What the search over architectures found best.
  instance: [
    [true, true],
    [false, true],
    [true, false],
  ],
  instanceStem: true,
  liteName: (stream, index) => `conv2.${stream}.layers.${index}`,
  transition: (stage) => `pool${stage}.0`,
});
