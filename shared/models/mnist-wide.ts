import type { Architecture } from './layers.ts';

/**
 * The digit network whose embedding is meant to be used: four convolutions, 32-d, 78,000 parameters. It is
 * the smallest of its family that holds a mean average precision above 0.95 on digits it has not seen.
 */
export const mnistWide: Architecture = {
  name: 'mnist-wide',
  input: { height: 28, width: 28, channels: 1 },
  dimension: 32,
  embed(layers, images) {
    let map = images;
    map = layers.convolution(map, block(1, 16));
    map = layers.maxPool(map, 2);
    map = layers.convolution(map, block(2, 32));
    map = layers.maxPool(map, 2);
    map = layers.convolution(map, block(3, 64));
    map = layers.convolution(map, block(4, 64));
    map = layers.maxPool(map, 2);
    // A fully connected layer over the 3×3 map that is left, written as the convolution it is.
    map = layers.convolution(map, { name: 'embedding', filters: 32, kernel: 3, normalisation: 'neck' });
    return layers.flatten(map);
  },
};

function block(index: number, filters: number) {
  return {
    name: `conv${index}`,
    normalisation: `bn${index}`,
    filters,
    kernel: 3,
    padding: 1,
    activation: { kind: 'relu' },
  } as const;
}
