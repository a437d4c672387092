import { describe, expect, test } from 'vitest';
import { architectures } from './architectures.ts';
import type { Architecture } from './layers.ts';
import { isTrainable, parametersOf, sizeOf } from './parameters.ts';
import { structureOf } from './structure.ts';
import { summarise } from './summary.ts';

const network = (name: string) => architectures.get(name) as Architecture;

/** Learned numbers of the backbone: what is published, where the classifier is left out. */
const backboneParameters = (name: string) => {
  const { parameters, headParameters } = summarise(network(name));
  return parameters - headParameters;
};

const shapesOf = (name: string) =>
  new Map(parametersOf(network(name)).map((parameter) => [parameter.name, parameter.shape.join('×')]));

/** Parameters of OSNet, counted again from the paper's table of layers. */
function countOSNet([stem, ...widths]: number[]): number {
  const normalised = (weights: number, channels: number) => weights + 2 * channels;
  let count = normalised(3 * 7 * 7 * stem, stem);
  let inputs = stem;
  for (const [stage, width] of widths.entries()) {
    for (let block = 0; block < 2; block++) {
      const middle = width / 4;
      count += normalised(inputs * middle, middle);
      // 1 + 2 + 3 + 4 lite convolutions.
      for (let lite = 0; lite < 10; lite++) count += normalised(middle * middle + 9 * middle, middle);
      const hidden = Math.floor(middle / 16);
      count += middle * hidden + hidden + hidden * middle + middle;
      // Normalised by the batch or by instance: two numbers a channel in both.
      count += normalised(middle * width, width);
      if (inputs !== width) count += normalised(inputs * width, width);
      inputs = width;
    }
    if (stage < 2) count += normalised(width * width, width);
  }
  count += normalised(inputs * inputs, inputs);
  return count + normalised(inputs * 512 + 512, 512);
}

describe('OSNet', () => {
  test.each([
    // What torchreid's model zoo says, in millions.
    ['osnet_x1_0', [64, 256, 384, 512], 2.17],
    ['osnet_x0_75', [48, 192, 288, 384], 1.3],
    ['osnet_x0_5', [32, 128, 192, 256], 0.6],
    ['osnet_x0_25', [16, 64, 96, 128], 0.2],
    ['osnet_ain_x1_0', [64, 256, 384, 512], 2.17],
  ])('%s has as many parameters as counted layer by layer, and as published', (name, channels, millions) => {
    const count = backboneParameters(name);
    expect(count).toBe(countOSNet(channels));
    const digits = String(millions).split('.')[1].length;
    expect((count / 1e6).toFixed(digits)).toBe(millions.toFixed(digits));
  });

  test('x1.0 at 256×128 costs the 978.9 M of the model zoo, to the last multiply-add', () => {
    // torchreid's compute_model_complexity counts a bias as one more: of the gates of six blocks, four times
    // each, and of the fully connected layer.
    let biases = 512;
    for (const width of [64, 64, 96, 96, 128, 128]) biases += 4 * (Math.floor(width / 16) + width);
    expect(summarise(network('osnet_x1_0')).multiplyAdds + biases).toBe(978_878_352);
  });

  test.each([
    ['osnet_x0_75', 571.8],
    ['osnet_x0_5', 272.9],
    ['osnet_x0_25', 82.3],
    ['osnet_ain_x1_0', 978.9],
  ])('%s costs the %d M of the model zoo', (name, millions) => {
    expect((summarise(network(name)).multiplyAdds / 1e6).toFixed(1)).toBe(millions.toFixed(1));
  });

  test('torchreid’s names', () => {
    const shapes = shapesOf('osnet_x1_0');
    expect(shapes.get('conv1.conv.weight')).toBe('64×3×7×7');
    expect(shapes.get('conv1.bn.running_var')).toBe('64');
    expect(shapes.get('conv2.0.conv1.conv.weight')).toBe('64×64×1×1');
    expect(shapes.get('conv2.0.conv2a.conv1.weight')).toBe('64×64×1×1');
    expect(shapes.get('conv2.0.conv2a.conv2.weight')).toBe('64×1×3×3');
    expect(shapes.get('conv3.1.conv2d.3.bn.weight')).toBe('96');
    expect(shapes.get('conv2.0.gate.fc1.weight')).toBe('4×64×1×1');
    expect(shapes.get('conv2.0.gate.fc2.bias')).toBe('64');
    expect(shapes.get('conv2.0.conv3.conv.weight')).toBe('256×64×1×1');
    expect(shapes.get('conv2.0.downsample.bn.bias')).toBe('256');
    expect(shapes.has('conv2.1.downsample.conv.weight')).toBe(false);
    expect(shapes.get('conv3.2.0.conv.weight')).toBe('384×384×1×1');
    expect(shapes.has('conv4.2.0.conv.weight')).toBe(false);
    expect(shapes.get('conv5.bn.weight')).toBe('512');
    expect(shapes.get('fc.0.weight')).toBe('512×512');
    expect(shapes.get('fc.1.running_mean')).toBe('512');
  });

  test('torchreid’s names of AIN, which normalises by instance where the search put it', () => {
    const shapes = shapesOf('osnet_ain_x1_0');
    expect(shapes.get('conv1.bn.weight')).toBe('64');
    expect(shapes.has('conv1.bn.running_mean')).toBe(false);
    expect(shapes.get('conv2.0.conv2.0.layers.0.conv1.weight')).toBe('64×64×1×1');
    expect(shapes.get('conv4.1.conv2.3.layers.3.bn.running_var')).toBe('128');
    expect(shapes.get('pool2.0.conv.weight')).toBe('256×256×1×1');
    const blocks = ['conv2.0', 'conv2.1', 'conv3.0', 'conv3.1', 'conv4.0', 'conv4.1'];
    expect(blocks.filter((block) => shapes.has(`${block}.IN.weight`))).toEqual([
      'conv2.0',
      'conv2.1',
      'conv3.1',
      'conv4.0',
    ]);
    expect(blocks.filter((block) => shapes.has(`${block}.conv3.bn.weight`))).toEqual(['conv3.0', 'conv4.1']);
  });
});

describe('ResNet-50', () => {
  test.each(['resnet50', 'resnet50_gem', 'resnet50_ibn_a', 'resnet50_ibn_a_gem'])(
    '%s has torchvision’s 25,557,032 parameters but for the classifier of 1000 classes',
    (name) => {
      expect(backboneParameters(name)).toBe(25_557_032 - 1000 * 2049);
      expect(backboneParameters(name)).toBe(23_508_032);
    },
  );

  test('costs torchvision’s 4.09 G at 224×224, were the last stride 2', () => {
    const layers = structureOf(network('resnet50'), { height: 224, width: 224 });
    // With a stride of 2 the last stage would run on a quarter of the pixels, but for its first convolution.
    const cost = layers.reduce((sum, { name, multiplyAdds }) => {
      const quartered = name.startsWith('layer4.') && name !== 'layer4.0.conv1';
      return sum + multiplyAdds / (quartered ? 4 : 1);
    }, 0);
    expect(((cost + 2048 * 1000) / 1e9).toFixed(2)).toBe('4.09');
  });

  test('the last map of a person is 16×8', () => {
    const maps = structureOf(network('resnet50')).filter(({ name }) => name === 'layer4.2.conv3');
    expect(maps.map(({ output }) => output)).toEqual([[16, 8, 2048]]);
  });

  test('torchvision’s names', () => {
    const shapes = shapesOf('resnet50');
    expect(shapes.get('conv1.weight')).toBe('64×3×7×7');
    expect(shapes.get('layer1.0.downsample.0.weight')).toBe('256×64×1×1');
    expect(shapes.get('layer1.0.downsample.1.running_mean')).toBe('256');
    expect(shapes.get('layer3.5.conv2.weight')).toBe('256×256×3×3');
    expect(shapes.get('layer4.2.bn3.bias')).toBe('2048');
    // torchvision has 161 learned tensors; two are the classifier's, and the neck has two.
    const learned = parametersOf(network('resnet50')).filter(isTrainable);
    expect(learned.length).toBe(161 - 2 + 2);
    expect([...shapesOf('resnet50_gem').keys()].filter((name) => !shapes.has(name))).toEqual(['pool.p']);
  });

  test('IBN-Net’s names, half of the channels each', () => {
    const shapes = shapesOf('resnet50_ibn_a');
    expect(shapes.get('layer1.0.bn1.IN.weight')).toBe('32');
    expect(shapes.has('layer1.0.bn1.IN.running_mean')).toBe(false);
    expect(shapes.get('layer3.5.bn1.BN.running_var')).toBe('128');
    expect(shapes.get('layer4.0.bn1.weight')).toBe('512');
  });
});

describe('MobileNetV2', () => {
  test('has torchvision’s 3,504,872 parameters but for the classifier of 1000 classes', () => {
    expect(backboneParameters('mobilenet_v2')).toBe(3_504_872 - 1000 * 1281);
    expect(backboneParameters('mobilenet_v2')).toBe(2_223_872);
  });

  test('costs the paper’s 300 M at 224×224', () => {
    const { multiplyAdds } = summarise(network('mobilenet_v2'));
    expect((multiplyAdds + 1280 * 1000) / 1e6).toBeGreaterThan(299.5);
    expect((multiplyAdds + 1280 * 1000) / 1e6).toBeLessThan(301);
  });

  test('torchvision’s names', () => {
    const shapes = shapesOf('mobilenet_v2');
    expect(shapes.get('features.0.0.weight')).toBe('32×3×3×3');
    expect(shapes.get('features.1.conv.0.0.weight')).toBe('32×1×3×3');
    expect(shapes.get('features.1.conv.1.weight')).toBe('16×32×1×1');
    expect(shapes.get('features.1.conv.2.running_mean')).toBe('16');
    expect(shapes.get('features.2.conv.0.0.weight')).toBe('96×16×1×1');
    expect(shapes.get('features.2.conv.1.1.weight')).toBe('96');
    expect(shapes.get('features.17.conv.2.weight')).toBe('320×960×1×1');
    expect(shapes.get('features.18.1.bias')).toBe('1280');
  });
});

test('conv4 is the network of the reference figures: 32-32-64-128, 128-d', () => {
  const learned = parametersOf(network('conv4')).filter(isTrainable);
  const expected = 9 * (32 + 32 * 32 + 32 * 64 + 64 * 128) + 2 * (32 + 32 + 64 + 128) + 128 * 128 + 2 * 128;
  expect(learned.reduce((sum, parameter) => sum + sizeOf(parameter), 0)).toBe(expected);
});
