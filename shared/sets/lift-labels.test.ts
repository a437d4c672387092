import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { liftLabels } from './lift-labels.ts';

const names = ['identities', 'cameras', 'groups'];
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The object as it was, with what was taken put back. */
function together(json: string): unknown {
  const { rest, labels } = liftLabels(encode(json), names);
  const value = JSON.parse(decode(rest));
  for (const [name, numbers] of Object.entries(labels)) value[name] = [...numbers];
  return value;
}

test('takes arrays of whole numbers out, and leaves the rest', () => {
  const json =
    '{"sha256": "[1]", "identities" : [ 1, -1,2147483647 ,-2147483648,0],\n"groups":[],"cameras":[7]}';
  const { rest, labels } = liftLabels(encode(json), names);
  expect(decode(rest)).toBe('{"sha256": "[1]", "identities" : [],\n"groups":[],"cameras":[]}');
  expect(labels).toEqual({
    identities: Int32Array.of(1, -1, 2147483647, -2147483648, 0),
    groups: new Int32Array(0),
    cameras: Int32Array.of(7),
  });
});

test.each([
  '{"identities": [1, 0.5]}',
  '{"identities": [1, 2147483648]}',
  '{"identities": [1e2]}',
  '{"identities": [-0.0]}',
  '{"identities": [1, "]", 2]}',
  '{"identities": [1, [2]]}',
  '{"identities": [null]}',
  '{"identities": "[1]"}',
  '{"identities": {"cameras": [1]}}',
  '{"other": [1], "x": "\\"identities\\": [1]"}',
  '[{"x": {"cameras": [1]}}]',
  '"cameras"',
])('leaves %s as it is', (json) => {
  const { rest, labels } = liftLabels(encode(json), names);
  expect(decode(rest)).toBe(json);
  expect(labels).toEqual({});
});

test.each([
  '{"identities": [1,]}',
  '{"identities": [,1]}',
  '{"identities": [01]}',
  '{"identities": [1 2]}',
  '{"identities": [-]}',
  '{"identities": [+1]}',
  '{"identities": [1',
  '{"identities": [',
  '{"identities": [1}',
  '{"identities": [1]',
  '{"identities": [1]]}',
  '{"identities" [1]}',
  '{"identities',
  '{"identities\\',
])('what is no JSON is none without its labels either: %s', (json) => {
  expect(() => JSON.parse(json)).toThrow(SyntaxError);
  expect(() => JSON.parse(decode(liftLabels(encode(json), names).rest))).toThrow(SyntaxError);
});

test('of two fields of one name the last counts', () => {
  for (const json of ['{"cameras": [1], "cameras": [0.5]}', '{"cameras": [0.5], "cameras": [1, 2]}']) {
    expect(together(json)).toEqual(JSON.parse(json));
  }
});

describe('whatever the object', () => {
  const numbers = fc.array(fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.double()));
  const key = fc.oneof(fc.constantFrom(...names), fc.string());
  const value = fc.oneof(fc.array(fc.integer({ min: -9, max: 99 })), numbers, fc.jsonValue());
  const object = fc.dictionary(key, fc.oneof(value, fc.dictionary(key, value)));

  test('nothing is lost', () => {
    fc.assert(
      fc.property(object, fc.nat(3), (whole, spaces) => {
        const json = JSON.stringify(whole, null, spaces);
        expect(together(json)).toEqual(JSON.parse(json));
      }),
    );
  });
});

test('of a million rows, nothing but the numbers is kept', () => {
  const rows = 1_000_000;
  const column = Array.from({ length: rows }, (_, i) => i % 1501).join(',');
  const { rest, labels } = liftLabels(encode(`{"identities":[${column}],"cameras":[${column}]}`), names);
  expect(rest.length).toBeLessThan(100);
  expect(labels.identities.length).toBe(rows);
  expect(labels.cameras[rows - 1]).toBe((rows - 1) % 1501);
});
