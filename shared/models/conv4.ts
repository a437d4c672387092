import type { Architecture } from './layers.ts';

const CHANNELS = [32, 32, 64, 128] as const;

/**
 * The network of few-shot learning on Omniglot, four blocks of convolution, pooling and normalisation (after
 * Vinyals et al., "Matching Networks for One Shot Learning", NIPS 2016), narrow at first and wide at last,
 * with a 128-d embedding.
 */
export const conv4: Architecture = {
  name: 'conv4',
  input: { height: 28, width: 28, channels: 1 },
  dimension: 128,
  embed(layers, images) {
    let map = images;
    for (const [index, filters] of CHANNELS.entries()) {
      map = layers.convolution(map, {
        name: `conv${index + 1}`,
        filters,
        kernel: 3,
        padding: 1,
        bias: false,
      });
      // Pooled before it is normalised: a quarter of the numbers.
      map = layers.maxPool(map, 2);
      map = layers.batchNormalisation(map, { name: `bn${index + 1}`, activation: { kind: 'relu' } });
    }
    return layers.linear(layers.flatten(map), { name: 'fc', features: 128, normalisation: 'neck' });
  },
};
