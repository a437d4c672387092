import type { Picture } from '@softmargin/shared/images/picture.ts';
import { MAX_PICTURE_BYTES, MAX_PIXELS } from '../limits.ts';
import { type PictureHeader, readJpegHeader, readPngHeader } from './header.ts';
import { CodecComplaint, JpegDecoder } from './jpeg.ts';
import { PngDecoder } from './png.ts';

/** What is wrong with a picture. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

type Format = 'PNG' | 'JPEG';

/** Frame markers of JPEG: SOF0 and SOF2. */
const BASELINE = 0xc0;
const PROGRESSIVE = 0xc2;

/**
 * Decodes PNG and JPEG files. One belongs to one request: the memory of a codec grows with the pictures it
 * decodes and never shrinks, and goes when the decoder goes.
 */
export class PictureDecoder {
  #png: PngDecoder | undefined;
  #jpeg: JpegDecoder | undefined;

  /**
   * Decodes a file to upright RGBA. The format is what the bytes are, whatever was declared, and the size in
   * the header is checked before a pixel is decoded.
   *
   * @throws {PictureError} The decoder can be used on.
   */
  async decode(bytes: Uint8Array): Promise<Picture> {
    const format = checkPicture(bytes);
    try {
      if (format === 'PNG') {
        this.#png ??= new PngDecoder();
        return this.#png.decode(bytes);
      }
      this.#jpeg ??= await JpegDecoder.create();
      return this.#jpeg.decode(bytes);
    } catch (error) {
      // A codec that trapped or exited is in no state to go on: the next picture gets a new one.
      this.#png = undefined;
      this.#jpeg = undefined;
      throw new PictureError(
        'picture_damaged',
        `The ${format} file of ${bytes.length} bytes is truncated or damaged${describe(error)}.`,
      );
    }
  }
}

/**
 * Checks all of a picture that can be checked without decoding it: format, header, size.
 *
 * @throws {PictureError}
 */
export function checkPicture(bytes: Uint8Array): Format {
  if (bytes.length > MAX_PICTURE_BYTES) throw tooManyBytes(String(bytes.length));
  const format = formatOf(bytes);
  checkHeader(bytes, format);
  return format;
}

/** @param found how many bytes a picture has. */
export function tooManyBytes(found: string): PictureError {
  return new PictureError(
    'picture_too_large',
    `The picture has ${found} bytes; up to ${MAX_PICTURE_BYTES} are read.`,
  );
}

function formatOf(bytes: Uint8Array): Format {
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'PNG';
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return 'JPEG';
  if (bytes.length === 0) throw new PictureError('picture_empty', 'The picture is empty: it has 0 bytes.');
  throw new PictureError(
    'picture_unsupported',
    `The picture is ${describeFormat(bytes)}; PNG and JPEG are supported.`,
  );
}

function checkHeader(bytes: Uint8Array, format: Format): void {
  let header: PictureHeader;
  try {
    header = format === 'PNG' ? readPngHeader(bytes) : readJpegHeader(bytes);
  } catch (error) {
    throw new PictureError(
      'picture_damaged',
      `The ${format} file of ${bytes.length} bytes is truncated or damaged: ${(error as Error).message}.`,
    );
  }
  const { width, height, components, frame = BASELINE } = header;
  if (frame > PROGRESSIVE) {
    throw new PictureError(
      'picture_unsupported',
      `The JPEG file is coded as SOF${frame - BASELINE} (arithmetic, lossless or hierarchical); baseline and progressive are read.`,
    );
  }
  if (components === 4) {
    throw new PictureError('picture_unsupported', 'The JPEG file is CMYK; grey and colour (YCbCr) are read.');
  }
  if (width === 0 || height === 0) {
    throw new PictureError('picture_empty', `The ${format} file says it is ${width}×${height} pixels.`);
  }
  if (width * height > MAX_PIXELS) {
    throw new PictureError(
      'picture_too_large',
      `The ${format} file is ${width}×${height} = ${width * height} pixels; up to ${MAX_PIXELS} are decoded.`,
    );
  }
}

/** What the JPEG codec said. A trap has no words, and a panic of the PNG codec has none that help. */
function describe(error: unknown): string {
  const said = error instanceof CodecComplaint ? error.message.replace(/\.$/, '') : '';
  return said === '' ? '' : `: ${said}`;
}

const KNOWN_FORMATS: readonly [name: string, offset: number, magic: string][] = [
  ['WebP', 8, 'WEBP'],
  ['GIF', 0, 'GIF8'],
  ['BMP', 0, 'BM'],
  ['TIFF', 0, 'II*\0'],
  ['TIFF', 0, 'MM\0*'],
  ['AVIF', 4, 'ftypavif'],
  ['HEIC', 4, 'ftyphei'],
  ['HEIC', 4, 'ftypmif1'],
  ['JPEG XL', 0, '\xff\x0a'],
  ['PDF', 0, '%PDF'],
  ['SVG', 0, '<svg'],
];

function describeFormat(bytes: Uint8Array): string {
  const known = KNOWN_FORMATS.find(([, offset, magic]) =>
    startsWith(
      bytes.subarray(offset),
      Array.from(magic, (character) => character.charCodeAt(0)),
    ),
  );
  if (known !== undefined) return known[0];
  const first = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `of no known format (it begins with ${first})`;
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
}
