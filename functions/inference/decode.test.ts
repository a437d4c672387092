import { describe, expect, inject, test } from 'vitest';
import { fromBase64, picture } from '../test/client.ts';
import { PictureDecoder, PictureError } from './decode.ts';

const pixels = fromBase64(inject('pixels'));

async function failure(bytes: Uint8Array, decoder = new PictureDecoder()): Promise<PictureError> {
  const error = await decoder.decode(bytes).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PictureError);
  return error as PictureError;
}

/** The mean difference of two pictures by byte. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
}

describe('PNG', () => {
  test.each(['png', 'png-interlaced', 'png-16-bit'])('%s gives the pixels exactly', async (name) => {
    const { width, height, data } = await new PictureDecoder().decode(picture(name));
    expect([width, height]).toEqual([24, 16]);
    expect([...data]).toEqual([...pixels]);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i is undone', async (orientation) => {
    const { width, height, data } = await new PictureDecoder().decode(
      picture(`png-orientation-${orientation}`),
    );
    expect([width, height]).toEqual(orientation < 5 ? [32, 16] : [16, 32]);
    // The same corners as the JPEG has, without its losses.
    expect(difference(data, fromBase64(inject('upright')[`jpeg-orientation-${orientation}`]))).toBeLessThan(
      4,
    );
  });
});

describe('JPEG', () => {
  test.each([
    ['jpeg', 4],
    ['jpeg-progressive', 40],
  ])('%s gives the pixels nearly', async (name, tolerance) => {
    const { width, height, data } = await new PictureDecoder().decode(picture(name));
    expect([width, height]).toEqual([24, 16]);
    expect(difference(data, pixels)).toBeLessThan(tolerance);
  });

  test('grey is three equal channels', async () => {
    const { data } = await new PictureDecoder().decode(picture('jpeg-grey'));
    for (let i = 0; i < data.length; i += 4) {
      expect(data[i]).toBe(data[i + 1]);
      expect(data[i]).toBe(data[i + 2]);
      expect(data[i + 3]).toBe(255);
    }
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i is undone', async (orientation) => {
    const name = `jpeg-orientation-${orientation}`;
    const { width, height, data } = await new PictureDecoder().decode(picture(name));
    expect([width, height]).toEqual(orientation < 5 ? [32, 16] : [16, 32]);
    expect(difference(data, fromBase64(inject('upright')[name]))).toBeLessThan(4);
  });

  test('bytes left between the last pixel and the end do no harm', async () => {
    const jpeg = picture('jpeg');
    const padded = new Uint8Array([...jpeg.subarray(0, -2), 0, 0, 0, 0xff, 0xd9]);
    const { data } = await new PictureDecoder().decode(padded);
    expect([...data]).toEqual([...(await new PictureDecoder().decode(jpeg)).data]);
  });

  test('arithmetic coding is named', async () => {
    const jpeg = picture('jpeg');
    jpeg[jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0) + 1] = 0xc9;
    const { code, message } = await failure(jpeg);
    expect(code).toBe('picture_unsupported');
    expect(message).toContain('SOF9');
  });

  test('CMYK becomes RGB as Pillow has it, without a profile', async () => {
    const { width, height, data } = await new PictureDecoder().decode(picture('jpeg-cmyk'));
    expect([width, height]).toEqual([24, 16]);
    const inks = fromBase64(inject('inks'));
    const light = inks.map((ink, i) =>
      i % 4 === 3 ? 255 : Math.round(((255 - ink) * (255 - inks[i - (i % 4) + 3])) / 255),
    );
    expect(difference(data, light)).toBeLessThan(3);
  });

  test('what lies behind the last pixel of a sequential file is not looked at', async () => {
    const jpeg = picture('jpeg');
    const trailing = new Uint8Array([...jpeg.subarray(0, -2), 1, 2, 3, 0xff, 0xd2, 4, 5, 0xff, 0xd9]);
    const { data } = await new PictureDecoder().decode(trailing);
    expect([...data]).toEqual([...(await new PictureDecoder().decode(jpeg)).data]);
  });
});

describe('WebP', () => {
  test('without loss gives the pixels exactly', async () => {
    const { width, height, data } = await new PictureDecoder().decode(picture('webp-lossless'));
    expect([width, height]).toEqual([24, 16]);
    expect([...data]).toEqual([...pixels]);
  });

  test('with loss gives the pixels nearly', async () => {
    const { data } = await new PictureDecoder().decode(picture('webp'));
    expect(difference(data, pixels)).toBeLessThan(40);
  });

  test('alpha is kept', async () => {
    const { data } = await new PictureDecoder().decode(picture('webp-alpha'));
    expect(data.filter((_, i) => i % 4 === 3)).toEqual(new Uint8ClampedArray(24 * 16).fill(127));
  });

  test('of an animation the first frame is taken', async () => {
    const { width, height, data } = await new PictureDecoder().decode(picture('webp-animated'));
    expect([width, height]).toEqual([24, 16]);
    expect([...data.subarray(0, 4)]).toEqual([255, 0, 0, 255]);
  });

  test('one flipped bit is an error or a picture, and never the end of the decoder', async () => {
    const decoder = new PictureDecoder();
    for (let position = 0; position < picture('webp').length; position += 3) {
      const damaged = picture('webp');
      damaged[position] ^= 16;
      await decoder.decode(damaged).catch((error) => expect(error).toBeInstanceOf(PictureError));
    }
    expect((await decoder.decode(picture('webp'))).width).toBe(24);
  });
});

describe('what is not a picture', () => {
  test.each([
    ['gif', 'GIF'],
    ['avif', 'AVIF'],
  ])('%s is named, with what is supported', async (name, format) => {
    const { code, message } = await failure(picture(name));
    expect(code).toBe('picture_unsupported');
    expect(message).toBe(`The picture is ${format}; PNG, JPEG and WebP are supported.`);
  });

  test('unknown bytes are shown', async () => {
    expect((await failure(new TextEncoder().encode('hello world'))).message).toContain('68 65 6c 6c 6f');
  });

  test('no bytes are empty', async () => {
    expect((await failure(new Uint8Array())).code).toBe('picture_empty');
  });
});

describe('truncated and damaged files', () => {
  test.each(['png', 'png-interlaced', 'jpeg', 'jpeg-progressive', 'jpeg-cmyk', 'webp', 'webp-lossless'])(
    '%s is an error wherever it is cut, and the decoder goes on',
    async (name) => {
      const whole = picture(name);
      const decoder = new PictureDecoder();
      for (let length = 12; length < whole.length - 2; length += 37) {
        const { code, message } = await failure(whole.subarray(0, length), decoder);
        expect(code, `cut at ${length}: ${message}`).toBe('picture_damaged');
      }
      expect((await decoder.decode(whole)).width).toBe(24);
    },
  );

  test('a PNG with one flipped bit is an error, wherever it is', async () => {
    const decoder = new PictureDecoder();
    for (let position = 8; position < picture('png').length; position += 13) {
      const damaged = picture('png');
      damaged[position] ^= 4;
      await failure(damaged, decoder);
    }
    expect((await decoder.decode(picture('png'))).width).toBe(24);
  });

  test('a PNG whose pixels are noise under right checksums traps the codec, which is replaced', async () => {
    const decoder = new PictureDecoder();
    const { code } = await failure(withNoise(picture('png')), decoder);
    expect(code).toBe('picture_damaged');
    expect([...(await decoder.decode(picture('png'))).data]).toEqual([...pixels]);
  });
});

describe('size', () => {
  test('5,000,000 pixels are decoded', async () => {
    const decoder = new PictureDecoder();
    expect((await decoder.decode(picture('png-largest'))).width).toBe(2500);
    // What the codec grew to for it is not kept.
    expect(decoder.bytes).toBe(0);
  });

  test('more are refused from the header', async () => {
    const { code, message } = await failure(picture('png-too-large'));
    expect(code).toBe('picture_too_large');
    expect(message).toContain('2500×2001 = 5002500 pixels; up to 5000000');
  });

  test('a header that promises 4 gigapixels is refused before anything is allocated', async () => {
    const jpeg = picture('jpeg');
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    jpeg.fill(0xff, frame + 5, frame + 9);
    expect((await failure(jpeg)).message).toContain('65535×65535');
  });

  test('zero pixels are refused', async () => {
    const jpeg = picture('jpeg');
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    jpeg.fill(0, frame + 5, frame + 7);
    expect((await failure(jpeg)).code).toBe('picture_empty');
  });

  test('a file above the limit is refused by its length', async () => {
    expect((await failure(new Uint8Array(8 * 1024 * 1024 + 1))).code).toBe('picture_too_large');
  });
});

/** The PNG with noise for its pixels and the checksum of that. */
function withNoise(png: Uint8Array<ArrayBuffer>): Uint8Array {
  const view = new DataView(png.buffer);
  let offset = 8;
  while (view.getUint32(offset + 4) !== 0x49444154) offset += 12 + view.getUint32(offset);
  const length = view.getUint32(offset);
  for (let i = 0; i < length; i++) png[offset + 8 + i] = (i * 97 + 31) & 0xff;
  let crc = 0xffffffff;
  for (const byte of png.subarray(offset + 4, offset + 8 + length)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  }
  view.setUint32(offset + 8 + length, (crc ^ 0xffffffff) >>> 0);
  return png;
}
