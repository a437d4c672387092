import { describe, expect, test } from 'vitest';
import { architectures } from './architectures.ts';
import { conv4 } from './conv4.ts';
import { mnistWide } from './mnist-wide.ts';
import { osnetX025 } from './osnet.ts';
import { resnet50 } from './resnet50.ts';
import { summarise } from './summary.ts';

describe('summarise', () => {
  test('mnist-wide, written out', () => {
    const summary = summarise(mnistWide);
    expect(summary.layers.map(({ output, multiplyAdds }) => [output.join('×'), multiplyAdds])).toEqual([
      ['28×28×16', 28 * 28 * 16 * 9],
      ['14×14×16', 0],
      ['14×14×32', 14 * 14 * 32 * 16 * 9],
      ['7×7×32', 0],
      ['7×7×64', 7 * 7 * 64 * 32 * 9],
      ['7×7×64', 7 * 7 * 64 * 64 * 9],
      ['3×3×64', 0],
      ['1×1×32', 32 * 64 * 9],
    ]);
    expect(summary.activationBytes).toBe(
      4 * (28 * 28 * 16 + 14 * 14 * (16 + 32) + 7 * 7 * (32 + 64 + 64) + 3 * 3 * 64 + 32),
    );
    expect(summary.parameters).toBe(144 + 32 + 4608 + 64 + 18432 + 128 + 36864 + 128 + 18432 + 64);
    expect(summary.runningStatistics).toBe(2 * (16 + 32 + 64 + 64 + 32));
    expect(summary.headParameters).toBe(0);
  });

  test('the size of the pictures changes the cost and no parameter', () => {
    const person = summarise(resnet50);
    const vehicle = summarise(resnet50, { height: 256, width: 256 });
    expect(vehicle.parameters).toBe(person.parameters);
    expect(vehicle.multiplyAdds).toBe(2 * person.multiplyAdds);
    expect(vehicle.input).toEqual({ height: 256, width: 256, channels: 3 });
  });

  test('a gate that four branches share is run four times and counted once', () => {
    const gates = summarise(osnetX025).layers.filter(({ name }) => name === 'conv2.0.gate.fc1');
    expect(gates.map(({ parameters }) => parameters)).toEqual([17, 0, 0, 0]);
    expect(gates.map(({ multiplyAdds }) => multiplyAdds)).toEqual([16, 16, 16, 16]);
  });

  test('a size that a network does not take', () => {
    expect(() => summarise(conv4, { height: 32, width: 28 })).toThrow(
      'conv4 takes pictures of 28×28 only, not 32×28.',
    );
    expect(() => summarise(osnetX025, { height: 8, width: 8 })).toThrow(
      'The pictures are too small for osnet_x0_25: average pooling has nothing left.',
    );
  });

  test.each([...architectures.values()])('$name: the layers add up', (architecture) => {
    const { layers, parameters, multiplyAdds } = summarise(architecture);
    expect(layers.reduce((sum, layer) => sum + layer.parameters, 0)).toBe(parameters);
    expect(layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0)).toBe(multiplyAdds);
    expect(layers.at(-1)?.output).toEqual([1, 1, architecture.dimension]);
  });
});
