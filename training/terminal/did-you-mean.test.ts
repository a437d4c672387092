import { expect, test } from 'vitest';
import { didYouMean } from './did-you-mean.ts';

const names = ['mnist-wide', 'mnist-toy', 'market1501', 'veri776'];

test.each([
  ['mnist-wdie', 'mnist-wide'],
  ['Market-1501', 'market1501'],
  ['veri767', 'veri776'],
  ['mnisttoy', 'mnist-toy'],
  ['market', 'market1501'],
])('%s: did you mean %s?', (given, meant) => {
  expect(didYouMean(given, names)).toBe(` (Did you mean ${meant}?)`);
});

test.each(['imagenet', 'x', ''])('"%s" is near none of them', (given) => {
  expect(didYouMean(given, names)).toBe('');
});

test('letters that change places are one slip, not two', () => {
  expect(didYouMean('abdc', ['abcd'])).toBe(' (Did you mean abcd?)');
  expect(didYouMean('xbcy', ['abcd'])).toBe('');
});
