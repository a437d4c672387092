import { env } from 'cloudflare:workers';
import type { Picture } from '@softmargin/shared/images/picture.ts';
import { describe, expect, inject, test } from 'vitest';
import { MAX_IDLE_CODEC_BYTES } from '../limits.ts';
import { PictureDecoder, PictureError } from './decode.ts';

/**
 * Odd and broken files that Pillow and libvips (sharp) were tried on. Where both decode one, we do, to the
 * pixels that libvips has.
 */
interface Entry {
  readonly file: string;
  readonly pillow?: { readonly ok: boolean };
  readonly sharp?: { readonly ok: boolean };
}

/** What both decode and we refuse by design. */
const REFUSED: Readonly<Record<string, string>> = {
  'jpeg-js/black-6000x6000.jpg': 'picture_too_large',
  // Arithmetic coding is left out of the codec.
  'libjpeg-turbo/testimgari.jpg': 'picture_unsupported',
};

/** CMYK with chroma at half the resolution: the two decoders enlarge it by different filters. */
const COARSE_CHROMA = 'jpeg-reftest/jpg-cmyk-2.jpg';

function fetchImage(path: string): Promise<Response> {
  return env.DECODER_IMAGES.fetch(`http://images/${path.split('/').map(encodeURIComponent).join('/')}`);
}

async function readImage(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetchImage(path)).arrayBuffer());
}

async function decode(decoder: PictureDecoder, file: string): Promise<Picture | PictureError> {
  try {
    return await decoder.decode(await readImage(`file/${file}`));
  } catch (error) {
    expect(error, file).toBeInstanceOf(PictureError);
    return error as PictureError;
  }
}

/** What libvips decodes: upright RGBA. Inks become light as Pillow has it: no profile, black over each. */
async function expectedPixels(file: string): Promise<Picture & { isCmyk: boolean }> {
  const response = await fetchImage(`pixels/${file}`);
  const data = new Uint8Array(await response.arrayBuffer());
  const isCmyk = response.headers.get('cmyk') === 'true';
  for (let i = 0; isCmyk && i < data.length; i += 4) {
    const light = 1 - data[i + 3] / 255;
    for (let c = 0; c < 3; c++) data[i + c] = Math.round((255 - data[i + c]) * light);
    data[i + 3] = 255;
  }
  return {
    width: Number(response.headers.get('width')),
    height: Number(response.headers.get('height')),
    data,
    isCmyk,
  };
}

function differences(a: Picture, b: Picture): { mean: number; most: number } {
  let sum = 0;
  let most = 0;
  for (let i = 0; i < a.data.length; i++) {
    const difference = Math.abs(a.data[i] - b.data[i]);
    sum += difference;
    most = Math.max(most, difference);
  }
  return { mean: sum / a.data.length, most };
}

describe.skipIf(!inject('hasDecoderImages'))('the files of decoder-images', () => {
  test('decode as both references have it, or are an error', { timeout: 120_000 }, async () => {
    const manifest = (await (await fetchImage('file/manifest.json')).json()) as Entry[];
    const pictures = manifest.filter(({ pillow, sharp }) => pillow !== undefined && sharp !== undefined);
    expect(pictures).toHaveLength(457);
    const decoder = new PictureDecoder();
    let compared = 0;
    for (const { file, pillow, sharp } of pictures) {
      const decoded = await decode(decoder, file);
      expect(decoder.bytes, file).toBeLessThanOrEqual(MAX_IDLE_CODEC_BYTES);
      if (file in REFUSED) {
        expect(decoded, file).toMatchObject({ code: REFUSED[file] });
      } else if (pillow?.ok && sharp?.ok) {
        if (decoded instanceof PictureError) expect.fail(`${file}: ${decoded.message}`);
        const expected = await expectedPixels(file);
        expect([decoded.width, decoded.height], file).toEqual([expected.width, expected.height]);
        const { mean, most } = differences(decoded, expected);
        expect(mean, file).toBeLessThan(expected.isCmyk ? 1 : 0.1);
        if (file !== COARSE_CHROMA) expect(most, file).toBeLessThanOrEqual(expected.isCmyk ? 6 : 2);
        compared++;
      } else if (!pillow?.ok && !sharp?.ok) {
        expect(decoded, file).toBeInstanceOf(PictureError);
      }
    }
    expect(compared).toBe(321);
  });

  test('PngSuite decodes to its published pixels', { timeout: 60_000 }, async () => {
    const expected = (await (await fetchImage('file/pngsuite-expected-rgba.json.gz')).json()) as Record<
      string,
      number[]
    >;
    const decoder = new PictureDecoder();
    // Those that begin with x are corrupted on purpose.
    const names = Object.keys(expected).filter((name) => !name.endsWith('_to8') && !name.startsWith('x'));
    expect(names.length).toBeGreaterThan(100);
    for (const name of names) {
      const decoded = await decode(decoder, `pngsuite/${name}.png`);
      if (decoded instanceof PictureError) expect.fail(`${name}: ${decoded.message}`);
      // Names end in the bits of a channel. Of 16 the upper 8 are kept, as libvips and Pillow's RGB do.
      const values = name.endsWith('16') ? expected[name].map((value) => value >> 8) : expected[name];
      expect([...decoded.data], name).toEqual(values);
    }
  });
});
