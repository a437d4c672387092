import type { BundleTensor } from '../shared/bundle/bundle.ts';

/** A map of one image in plain numbers: `values[(y * width + x) * channels + c]`. */
export interface PlainMap {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly values: readonly number[];
}

export type Tensors = ReadonlyMap<string, BundleTensor>;

export const stored = (tensors: Tensors, name: string) => {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`There is no "${name}".`);
  return tensor;
};

/** Each value of a map by what `change` makes of it and of its channel. */
export const each = (map: PlainMap, change: (value: number, channel: number) => number): PlainMap => ({
  ...map,
  values: map.values.map((value, i) => change(value, i % map.channels)),
});

/**
 * Convolution as `torch.nn.functional.conv2d` defines it, weights [out, in / groups, height, width]: the
 * channels in as many groups as the weights' shape says.
 */
export function convolution(
  map: PlainMap,
  tensors: Tensors,
  name: string,
  padding: number,
  stride = 1,
): PlainMap {
  const { shape, data } = stored(tensors, `${name}.weight`);
  const [filters, inputs, kernelHeight, kernelWidth] = shape;
  const filtersOfGroup = filters / (map.channels / inputs);
  const height = Math.floor((map.height + 2 * padding - kernelHeight) / stride) + 1;
  const width = Math.floor((map.width + 2 * padding - kernelWidth) / stride) + 1;
  const values: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let o = 0; o < filters; o++) {
        const first = inputs * Math.floor(o / filtersOfGroup);
        let sum = tensors.get(`${name}.bias`)?.data[o] ?? 0;
        for (let v = 0; v < kernelHeight; v++) {
          for (let u = 0; u < kernelWidth; u++) {
            const row = y * stride + v - padding;
            const column = x * stride + u - padding;
            if (row < 0 || row >= map.height || column < 0 || column >= map.width) continue;
            for (let i = 0; i < inputs; i++) {
              sum +=
                data[((o * inputs + i) * kernelHeight + v) * kernelWidth + u] *
                map.values[(row * map.width + column) * map.channels + first + i];
            }
          }
        }
        values.push(sum);
      }
    }
  }
  return { height, width, channels: filters, values };
}

/** Batch normalisation by the running statistics. */
export function normalisation(map: PlainMap, tensors: Tensors, name: string): PlainMap {
  const [weight, bias, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(
    (part) => stored(tensors, `${name}.${part}`).data,
  );
  return each(map, (value, c) => ((value - mean[c]) / Math.sqrt(variance[c] + 1e-5)) * weight[c] + bias[c]);
}

export const relu = (map: PlainMap): PlainMap => each(map, (value) => Math.max(0, value));

export function prelu(map: PlainMap, tensors: Tensors, name: string): PlainMap {
  const { data } = stored(tensors, `${name}.weight`);
  return each(map, (value, c) => (value > 0 ? value : data[c] * value));
}

/** Maximum over windows of 2×2; an odd last row or column is left out. */
export function halve(map: PlainMap): PlainMap {
  const height = Math.floor(map.height / 2);
  const width = Math.floor(map.width / 2);
  const at = (y: number, x: number, c: number) => map.values[(y * map.width + x) * map.channels + c];
  const values: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < map.channels; c++) {
        values.push(
          Math.max(
            at(2 * y, 2 * x, c),
            at(2 * y, 2 * x + 1, c),
            at(2 * y + 1, 2 * x, c),
            at(2 * y + 1, 2 * x + 1, c),
          ),
        );
      }
    }
  }
  return { height, width, channels: map.channels, values };
}

/** mnist-wide at rest, from an image of 28×28 to its 32 numbers. */
export function plainMnistWide(image: readonly number[], tensors: Tensors): readonly number[] {
  const block = (map: PlainMap, index: number) =>
    relu(normalisation(convolution(map, tensors, `conv${index}`, 1), tensors, `bn${index}`));
  let map: PlainMap = { height: 28, width: 28, channels: 1, values: image };
  map = halve(block(map, 1));
  map = halve(block(map, 2));
  map = halve(block(block(map, 3), 4));
  return normalisation(convolution(map, tensors, 'embedding', 0), tensors, 'neck').values;
}

/** mnist-2d at rest, from an image of 28×28 to its 2 numbers. */
export function plainMnist2d(image: readonly number[], tensors: Tensors): readonly number[] {
  let map: PlainMap = { height: 28, width: 28, channels: 1, values: image };
  const block = (map: PlainMap, index: string) => {
    const normalised = normalisation(convolution(map, tensors, `conv${index}`, 1), tensors, `bn${index}`);
    return prelu(normalised, tensors, `prelu${index}`);
  };
  map = halve(block(map, '1_1'));
  map = halve(block(block(map, '2_1'), '2_2'));
  map = halve(block(block(map, '3_1'), '3_2'));
  return convolution(map, tensors, 'embedding', 0).values;
}
