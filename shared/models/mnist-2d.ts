import type { Architecture } from './layers.ts';

/**
 * The toy network of the figures: LeNet++ (Wen et al., "A Discriminative Feature Learning Approach for Deep
 * Face Recognition", ECCV 2016) has pairs of convolutions between poolings, parametric ReLU and two
 * outputs, so that an embedding can be drawn as it is. Here with 3×3 kernels, batch normalisation and
 * half of its width, which a CPU trains in a minute.
 */
export const mnist2d: Architecture = {
  name: 'mnist-2d',
  input: { height: 28, width: 28, channels: 1 },
  dimension: 2,
  embed(layers, images) {
    let map = images;
    for (const [stage, filters] of [
      [1, 16],
      [2, 32],
      [3, 64],
    ] as const) {
      for (const part of [1, 2]) {
        const suffix = `${stage}_${part}`;
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
