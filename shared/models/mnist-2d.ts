import type { Architecture } from './layers.ts';

/** Channels of the convolutions of each stage; a pooling follows each stage. */
const STAGES = [[16], [32, 32], [64, 64]] as const;

/**
 * The toy network of the figures: two outputs, so that an embedding can be drawn as it is. After LeNet++
 * (Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV 2016): pairs of
 * convolutions between poolings, parametric ReLU. With 3×3 kernels, batch normalisation, half of its width
 * and one convolution before the first pooling, where most of the time would go, it trains on a CPU while
 * one waits.
 */
export const mnist2d: Architecture = {
  name: 'mnist-2d',
  input: { height: 28, width: 28, channels: 1 },
  dimension: 2,
  embed(layers, images) {
    let map = images;
    for (const [stage, widths] of STAGES.entries()) {
      for (const [part, filters] of widths.entries()) {
        const suffix = `${stage + 1}_${part + 1}`;
        map = layers.convolution(map, {
          name: `conv${suffix}`,
          normalisation: `bn${suffix}`,
          filters,
          kernel: 3,
          padding: 1,
          activation: { kind: 'prelu', name: `prelu${suffix}` },
        });
      }
      map = layers.maxPool(map, 2);
    }
    map = layers.convolution(map, { name: 'embedding', filters: 2, kernel: 3 });
    return layers.flatten(map);
  },
};
