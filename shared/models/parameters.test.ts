import { describe, expect, test } from 'vitest';
import { architectures } from './architectures.ts';
import type { Architecture } from './layers.ts';
import { mnist2d } from './mnist-2d.ts';
import { mnistWide } from './mnist-wide.ts';
import { parametersOf } from './parameters.ts';

const shapes = (architecture: Architecture) =>
  parametersOf(architecture).map(({ name, shape }) => `${name} ${shape.join('×')}`);

describe('mnist-wide', () => {
  test('names and shapes', () => {
    expect(shapes(mnistWide)).toEqual([
      'conv1.weight 16×1×3×3',
      'bn1.weight 16',
      'bn1.bias 16',
      'bn1.running_mean 16',
      'bn1.running_var 16',
      'conv2.weight 32×16×3×3',
      'bn2.weight 32',
      'bn2.bias 32',
      'bn2.running_mean 32',
      'bn2.running_var 32',
      'conv3.weight 64×32×3×3',
      'bn3.weight 64',
      'bn3.bias 64',
      'bn3.running_mean 64',
      'bn3.running_var 64',
      'conv4.weight 64×64×3×3',
      'bn4.weight 64',
      'bn4.bias 64',
      'bn4.running_mean 64',
      'bn4.running_var 64',
      'embedding.weight 32×64×3×3',
      'neck.weight 32',
      'neck.bias 32',
      'neck.running_mean 32',
      'neck.running_var 32',
    ]);
  });

  test('78,000 numbers are learned', () => {
    const learned = parametersOf(mnistWide).filter(({ role }) => !role.startsWith('running-'));
    const count = learned.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    expect(count).toBe(144 + 32 + 4608 + 64 + 18432 + 128 + 36864 + 128 + 18432 + 64);
    expect(Math.round(count / 1000)).toBe(79);
  });
});

test('mnist-2d: names and shapes', () => {
  const block = (suffix: string, inputs: number, filters: number) => [
    `conv${suffix}.weight ${filters}×${inputs}×3×3`,
    `bn${suffix}.weight ${filters}`,
    `bn${suffix}.bias ${filters}`,
    `bn${suffix}.running_mean ${filters}`,
    `bn${suffix}.running_var ${filters}`,
    `prelu${suffix}.weight ${filters}`,
  ];
  expect(shapes(mnist2d)).toEqual([
    ...block('1_1', 1, 16),
    ...block('2_1', 16, 32),
    ...block('2_2', 32, 32),
    ...block('3_1', 32, 64),
    ...block('3_2', 64, 64),
    'embedding.weight 2×64×3×3',
    'embedding.bias 2',
  ]);
});

test('each parameter has the role that its name says', () => {
  for (const { name, role } of parametersOf(mnist2d)) {
    const expected = /running_mean/.test(name)
      ? 'running-mean'
      : /running_var/.test(name)
        ? 'running-variance'
        : /^prelu/.test(name)
          ? 'prelu-slope'
          : `${/^bn/.test(name) ? 'normalisation' : 'convolution'}-${/bias/.test(name) ? 'bias' : 'weight'}`;
    expect(role, name).toBe(expected);
  }
});

describe('every architecture', () => {
  test.each([...architectures])(
    '%s is listed under its name, with no parameter twice',
    (name, architecture) => {
      expect(architecture.name).toBe(name);
      const names = parametersOf(architecture).map((parameter) => parameter.name);
      expect(new Set(names).size).toBe(names.length);
    },
  );
});

describe('shapes of maps', () => {
  const network = (embed: Architecture['embed'], dimension = 4): Architecture => ({
    name: 'probe',
    input: { height: 9, width: 12, channels: 3 },
    dimension,
    embed,
  });

  test('stride, padding and pooling round down, as PyTorch does', () => {
    const probe = network((layers, images) => {
      // 9×12 → ⌊(9 + 2 − 3) / 2⌋ + 1 = 5 × ⌊(12 + 2 − 3) / 2⌋ + 1 = 6 → pooled 2×3.
      const map = layers.maxPool(
        layers.convolution(images, { name: 'a', filters: 5, kernel: 3, padding: 1, stride: 2 }),
        2,
      );
      return layers.flatten(layers.convolution(map, { name: 'b', filters: 4, kernel: 2 }));
    });
    // b leaves 1×2: not an embedding.
    expect(() => parametersOf(probe)).toThrow('probe ends in 1×2×4, not in an embedding of 4.');
  });

  test('a network that does not end in its dimension is refused', () => {
    const probe = network((layers, images) =>
      layers.flatten(layers.maxPool(layers.convolution(images, { name: 'a', filters: 5, kernel: 1 }), 9)),
    );
    expect(() => parametersOf(probe)).toThrow('probe ends in 1×1×5, not in an embedding of 4.');
  });
});
