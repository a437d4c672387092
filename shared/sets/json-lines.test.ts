import { expect, test } from 'vitest';
import { SetError } from './embedding-set.ts';
import { parseJsonLines } from './json-lines.ts';

const lines = [
  '{"identity": -1, "camera": 2, "embedding": [1, 2.5]}',
  '{"embedding": [-3, 0], "camera": 6, "identity": 1501}',
];

test.each(['\n', '\r\n'])('lines become rows, with a last line break or without', (end) => {
  for (const text of [lines.join(end), lines.join(end) + end]) {
    expect(parseJsonLines(text)).toEqual({
      count: 2,
      dimension: 2,
      features: Float32Array.of(1, 2.5, -3, 0),
      identities: Int32Array.of(-1, 1501),
      cameras: Int32Array.of(2, 6),
    });
  }
});

test('lines may have groups', () => {
  const grouped = lines.map((line, i) => line.replace('{', `{"group": ${7 - i}, `)).join('\n');
  expect(parseJsonLines(grouped).groups).toEqual(Int32Array.of(7, 6));
});

test.each([
  ['no lines', [''], 'body', /^The file has no lines\.$/],
  ['an empty line', [lines[0], '', lines[1]], 'line 2', /^line 2: it is empty\.$/],
  ['what is no JSON', [lines[0], '{'], 'line 2', /^line 2: it is not JSON\.$/],
  ['a list', ['[]'], 'line 1', /^line 1: .*expected object/],
  ['a field more', [lines[0].replace('{', '{"name": 1, ')], 'line 1', /^line 1: .*"name"/],
  ['no identity', [lines[0].replace('identity', 'pid')], 'line 1', /^line 1: identity: /],
  ['an identity that is no whole number', [lines[0].replace('-1', '0.5')], 'line 1', /^line 1: identity: /],
  ['text in an embedding', [lines[0], lines[1].replace('0]', '"0"]')], 'line 2', /^line 2: embedding\[1\]: /],
  ['an empty embedding', [lines[0].replace('1, 2.5', '')], 'line 1', /^line 1: embedding: /],
  [
    'an embedding of another length',
    [lines[0], lines[1].replace('0]', '0, 1]')],
    'line 2',
    /^line 2: embedding has 3 numbers, that of line 1 has 2\.$/,
  ],
  [
    'a number beyond float32',
    [lines[0], lines[1].replace('0]', '1e39]')],
    'line 2',
    /^line 2: embedding\[1\] is 1e\+39, not a finite float32\.$/,
  ],
  [
    'a group in one line only',
    [lines[0], lines[1].replace('{', '{"group": 1, ')],
    'line 2',
    /^line 2: group is given, line 1 has none\.$/,
  ],
  [
    'no group in one line only',
    [lines[0].replace('{', '{"group": 1, '), lines[1]],
    'line 2',
    /^line 2: group is missing, line 1 has one\.$/,
  ],
])('refuses %s, by line', (_, given, param, message) => {
  try {
    parseJsonLines(given.join('\n'));
  } catch (error) {
    expect(error).toBeInstanceOf(SetError);
    expect((error as SetError).param).toBe(param);
    expect((error as SetError).message).toMatch(message);
    return;
  }
  throw new Error('It was not refused.');
});
