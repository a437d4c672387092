import { afterEach, expect, test, vi } from 'vitest';
import { CODE_BYTES, HEAP_START_BYTES, ISOLATE_BYTES } from '../limits.ts';
import { picture, sendJson } from '../test/client.ts';
import { PictureDecoder } from './decode.ts';

afterEach(() => void vi.restoreAllMocks());

test.each(['jpeg-largest', 'jpeg-progressive-largest', 'webp-lossless-largest', 'png-16-bit-largest'])(
  'what decoding %s takes is what was asked for, and no more',
  async (name) => {
    const decoder = new PictureDecoder();
    let asked = 0;
    let most = 0;
    // The codec is given up after a picture of this size; its memory is looked at before.
    const sizes = vi.spyOn(decoder, 'bytes', 'get');
    const { width, height } = await decoder.decode(picture(name), (bytes) => {
      asked = bytes;
    });
    for (const { type, value } of sizes.mock.results) if (type === 'return') most = Math.max(most, value);
    expect(asked).toBeGreaterThanOrEqual(most + 4 * width * height);
    expect(asked).toBeLessThanOrEqual(ISOLATE_BYTES - CODE_BYTES - HEAP_START_BYTES);
  },
);

test('a large picture in a large body is refused, and either alone is not', async () => {
  const input = btoa(String.fromCharCode(...picture('jpeg-progressive-largest')));
  const small = await sendJson('POST', '/v1/embeddings', { input });
  expect(small.status, small.body.error?.message).toBe(200);
  const { status, body } = await sendJson('POST', '/v1/embeddings', { input, user: 'x'.repeat(15_000_000) });
  expect([status, body.error.code]).toEqual([400, 'picture_too_large']);
  expect(body.error.message).toMatch(/one request may have \d+ with the model it names/);
});
