import { describe, expect, test } from 'vitest';
import { createRandom, type Random } from './random.ts';

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.uniform());

/** Pearson's correlation of two rows. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (row: readonly number[]) => row.reduce((sum, value) => sum + value, 0) / row.length;
  const [ma, mb] = [mean(a), mean(b)];
  const covariance = mean(a.map((value, i) => (value - ma) * (b[i] - mb)));
  const deviation = (row: readonly number[], m: number) => Math.sqrt(mean(row.map((v) => (v - m) ** 2)));
  return covariance / (deviation(a, ma) * deviation(b, mb));
}

describe('createRandom', () => {
  test('one seed and stream, one sequence', () => {
    expect(draw(createRandom(7, 1, 2), 100)).toEqual(draw(createRandom(7, 1, 2), 100));
    const everything = (random: Random) => [
      random.normal(),
      random.integer(1000),
      ...random.permutation(20),
      random.uniform(),
    ];
    expect(everything(createRandom(7))).toEqual(everything(createRandom(7)));
  });

  test('the sequence does not change between versions', () => {
    // Recorded once: a recipe's seed has to give the same weights tomorrow.
    const random = createRandom(1);
    expect(draw(random, 4)).toMatchInlineSnapshot(`
      [
        0.5545612019605951,
        0.3416987083717913,
        0.1991728262651925,
        0.747303977624309,
      ]
    `);
    expect(createRandom(1, 2, 3).normal()).toMatchInlineSnapshot(`0.32084110569318797`);
  });

  test.each([
    ['another seed', createRandom(1), createRandom(2)],
    ['a seed above 32 bits', createRandom(1), createRandom(1 + 2 ** 32)],
    ['a stream', createRandom(1), createRandom(1, 0)],
    ['another stream', createRandom(1, 0), createRandom(1, 1)],
    ['a longer stream', createRandom(1, 5), createRandom(1, 5, 0)],
    ['streams the other way round', createRandom(1, 2, 3), createRandom(1, 3, 2)],
    ['seed and stream exchanged', createRandom(2, 3), createRandom(3, 2)],
  ])('%s is another sequence, and not a correlated one', (_, a, b) => {
    const [first, second] = [draw(a, 4000), draw(b, 4000)];
    expect(first.filter((value, i) => value === second[i])).toEqual([]);
    // Four standard deviations of the correlation of independent rows.
    expect(Math.abs(correlation(first, second))).toBeLessThan(4 / Math.sqrt(4000));
  });

  test('what one stream draws shifts no other', () => {
    const [a, b] = [createRandom(3, 1), createRandom(3, 2)];
    const alone = draw(createRandom(3, 2), 10);
    draw(a, 17);
    expect(draw(b, 10)).toEqual(alone);
  });

  test('the streams of consecutive steps start apart', () => {
    const firsts = Array.from({ length: 4000 }, (_, step) => createRandom(1, step).uniform());
    expect(new Set(firsts).size).toBe(4000);
    expect(Math.abs(firsts.reduce((a, b) => a + b) / 4000 - 0.5)).toBeLessThan(4 / Math.sqrt(12 * 4000));
    expect(Math.abs(correlation(firsts.slice(1), firsts.slice(0, -1)))).toBeLessThan(4 / Math.sqrt(4000));
  });
});

// Bounds are four or five standard deviations of the statistic; seeds are fixed, so none of this flickers.
describe('distributions', () => {
  const COUNT = 40_000;

  test('uniform: in [0, 1), with its mean, variance and equal shares', () => {
    const values = draw(createRandom(11), COUNT);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const mean = values.reduce((sum, value) => sum + value, 0) / COUNT;
    const variance = values.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / COUNT;
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(4 / Math.sqrt(12 * COUNT));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / 180 / COUNT));
    const shares = new Float64Array(10);
    for (const value of values) shares[Math.floor(10 * value)]++;
    for (const share of shares)
      expect(Math.abs(share - COUNT / 10)).toBeLessThan(5 * Math.sqrt(COUNT * 0.09));
  });

  test('normal: mean 0, variance 1, symmetric, tails as wide as a normal’s', () => {
    const random = createRandom(12);
    const values = Array.from({ length: COUNT }, () => random.normal());
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / COUNT;
    expect(Math.abs(moment(1))).toBeLessThan(4 / Math.sqrt(COUNT));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / COUNT));
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / COUNT));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / COUNT));
    const beyondTwo = values.filter((value) => Math.abs(value) > 2).length / COUNT;
    expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(0.004);
  });

  test('integer: every value below the bound, and no other', () => {
    const random = createRandom(13);
    const counts = new Map<number, number>();
    for (let i = 0; i < 7000; i++) {
      const value = random.integer(7);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
    expect(random.integer(1)).toBe(0);
  });

  test.each([0, 1, 2, 100])('permutation of %i is a permutation', (length) => {
    const order = createRandom(14).permutation(length);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
  });

  test('permutation: each of the 24 orders of four about as often', () => {
    const random = createRandom(15);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.permutation(4).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(160);
  });
});
