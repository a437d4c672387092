import { expect, test } from 'vitest';
import { chunksOf } from '../../test/streams.ts';
import { ByteReader } from './byte-reader.ts';
import { readLines } from './lines.ts';

async function lines(bytes: Uint8Array, chunk: number): Promise<string[]> {
  const all: string[] = [];
  for await (const line of readLines(new ByteReader(chunksOf(bytes, chunk)))) all.push(line);
  return all;
}

test.each([
  ['', []],
  ['a', ['a']],
  ['a\n', ['a']],
  ['a\n\nb', ['a', '', 'b']],
  ['\n', ['']],
  ['ü€😀\n😀', ['ü€😀', '😀']],
])('%j', async (text, expected) => {
  for (const chunk of [1, 2, 3, 1000]) {
    expect(await lines(new TextEncoder().encode(text), chunk)).toEqual(expected);
  }
});

test('a line that is longer than a line may be is not held', async () => {
  async function* endless() {
    for (let i = 0; i < 10_000; i++) yield new Uint8Array(65_536).fill(97);
  }
  const read = async () => {
    for await (const _ of readLines(new ByteReader(endless())));
  };
  await expect(read()).rejects.toThrow('line 1 is longer than 1048576 bytes');
});
