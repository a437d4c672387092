import sharp from 'sharp';
import { readData } from '../../test/data.ts';

/**
 * Answers tests in workerd, which have no files and no sharp: `/file/<name>` is a file of the reference data
 * `decoder-images`; `/pixels/<name>` its upright RGBA as libvips decodes it, without its colour profile, or,
 * where it is CMYK, its inks.
 */
export async function answerDecoderImages(request: { readonly url: string }): Promise<Response> {
  const [, what, ...path] = decodeURIComponent(new URL(request.url).pathname).split('/');
  const bytes = readData(`decoder-images/${path.join('/')}`);
  if (what === 'file') return new Response(bytes);
  const picture = sharp(bytes, { ignoreIcc: true }).autoOrient();
  const isCmyk = (await sharp(bytes).metadata()).space === 'cmyk';
  const pixels = isCmyk
    ? picture.pipelineColourspace('cmyk').toColourspace('cmyk')
    : picture.toColourspace('srgb').ensureAlpha();
  const { data, info } = await pixels.raw().toBuffer({ resolveWithObject: true });
  return new Response(new Uint8Array(data), {
    headers: { width: String(info.width), height: String(info.height), cmyk: String(isCmyk) },
  });
}
