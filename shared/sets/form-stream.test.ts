import { describe, expect, test } from 'vitest';
import { chunksOf } from '../../test/streams.ts';
import { ByteReader } from './byte-reader.ts';
import { SetError } from './embedding-set.ts';
import { type FormPart, formBoundary, readFormStream } from './form-stream.ts';

type Part = FormPart & { readonly bytes: readonly number[] };

async function read(bytes: Uint8Array, boundary: string, chunk: number, maxParts = 10): Promise<Part[]> {
  const parts: Part[] = [];
  await readFormStream(
    new ByteReader(chunksOf(bytes, chunk)),
    boundary,
    (part) => async (data) => {
      const all: number[] = [];
      for await (const piece of data) all.push(...piece);
      parts.push({ ...part, bytes: all });
    },
    maxParts,
  );
  return parts;
}

/** A form as the platform writes it. */
async function written(parts: readonly Part[]): Promise<{ bytes: Uint8Array; boundary: string }> {
  const form = new FormData();
  for (const { field, filename, bytes } of parts) {
    const blob = new Blob([Uint8Array.from(bytes)]);
    if (filename === undefined) form.append(field, await blob.text());
    else form.append(field, blob, filename);
  }
  const response = new Response(form);
  const boundary = formBoundary(response.headers.get('Content-Type') as string);
  return { bytes: new Uint8Array(await response.arrayBuffer()), boundary: boundary as string };
}

const text = (value: string) => [...new TextEncoder().encode(value)];

const parts: readonly Part[] = [
  { field: 'a', filename: 'x.png', bytes: [] },
  { field: 'b', filename: 'ü "quoted".png', bytes: text('\r\n--not the boundary\r\n\r\n--\r\n-') },
  { field: 'c', filename: undefined, bytes: text('a value') },
  { field: 'a', filename: 'folder/y.png', bytes: Array.from({ length: 70_000 }, (_, i) => i & 0xff) },
];

describe.each([1, 13, 65_536, 1e6])('in chunks of %i', (chunk) => {
  test('every part as the platform wrote it', async () => {
    const { bytes, boundary } = await written(parts);
    expect(await read(bytes, boundary, chunk)).toEqual(parts);
  });
});

test('what nearly is the boundary belongs to the part', async () => {
  const boundary = 'xxy';
  const body = ['--xxy', 'Content-Disposition: form-data; name=a', '', '\r\n--xx\r\n--x\r\n--xxx', '--xxy--'];
  const bytes = new TextEncoder().encode(body.join('\r\n'));
  for (const chunk of [1, 2, 3, 5, 100]) {
    expect(await read(bytes, boundary, chunk)).toEqual([
      { field: 'a', filename: undefined, bytes: text('\r\n--xx\r\n--x\r\n--xxx') },
    ]);
  }
});

test('cut anywhere it is refused', async () => {
  const { bytes, boundary } = await written(parts.slice(0, 3));
  for (let length = 0; length < bytes.length - 4; length++) {
    await expect(read(bytes.subarray(0, length), boundary, 50), `${length}`).rejects.toThrow(SetError);
  }
});

test.each([
  ['no name', 'Content-Disposition: form-data', /has no name/],
  ['no disposition', 'Content-Type: image/png', /has no Content-Disposition/],
  ['headers without an end', `X: ${'y'.repeat(20_000)}`, /more than 16384 bytes of headers/],
])('%s', async (_, header, message) => {
  const bytes = new TextEncoder().encode(`--b\r\n${header}\r\n\r\nx\r\n--b--`);
  await expect(read(bytes, 'b', 100)).rejects.toThrow(message);
});

test('more parts than are allowed', async () => {
  const { bytes, boundary } = await written(parts);
  await expect(read(bytes, boundary, 1e6, 3)).rejects.toThrow('it has more than 3 parts');
});

test('the boundary of a Content-Type', () => {
  expect(formBoundary('multipart/form-data; boundary=abc')).toBe('abc');
  expect(formBoundary('Multipart/Form-Data; charset=utf-8; boundary="a b"')).toBe('a b');
  expect(formBoundary('application/octet-stream')).toBeUndefined();
  expect(() => formBoundary('multipart/form-data')).toThrow('has no boundary');
  expect(() => formBoundary(`multipart/form-data; boundary=${'a'.repeat(71)}`)).toThrow('has no boundary');
});
