import type { Picture } from '@softmargin/shared/images/picture.ts';
import {
  CODEC_BYTES,
  CODEC_BYTES_PER_PIXEL,
  MAX_IDLE_CODEC_BYTES,
  MAX_PICTURE_BYTES,
  MAX_PICTURE_SIDE,
  MAX_PIXELS,
} from '../limits.ts';
import { startsWithText } from './exif.ts';
import { type PictureHeader, readJpegHeader, readPngHeader } from './header.ts';
import { CodecComplaint, JpegDecoder } from './jpeg.ts';
import { withoutTrailer } from './jpeg-trailer.ts';
import type { Held, Keeper } from './memory-budget.ts';
import { PngDecoder } from './png.ts';
import { turnUpright } from './upright.ts';
import { WebpDecoder } from './webp.ts';
import { readWebp, type WebpContent } from './webp-container.ts';

/** What is wrong with a picture. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const FORMATS = ['PNG', 'JPEG', 'WebP'] as const;
type Format = (typeof FORMATS)[number];

/** The sequential and progressive frames of JPEG that are read: SOF0 to SOF2. */
const BASELINE = 0xc0;
const PROGRESSIVE = 0xc2;

type DecodeCmyk = typeof import('./cmyk-jpeg.ts').decodeCmykJpeg;

/**
 * Decodes PNG, JPEG and WebP files, one after the other, however many callers there are. A codec is made when
 * it is first needed and kept; one that trapped, or whose memory grew large over a picture, is given up, and
 * the next picture gets a new one.
 */
export class PictureDecoder implements Keeper {
  #png: PngDecoder | undefined;
  #jpeg: JpegDecoder | undefined;
  #webp: WebpDecoder | undefined;
  #decodeCmyk: DecodeCmyk | undefined;

  /** Bytes of memory that the codecs hold. */
  get bytes(): number {
    return this.#bytesOf('PNG') + this.#bytesOf('JPEG') + this.#bytesOf('WebP');
  }

  /** Gives up all codecs. None is at work: a codec does its work in one go. */
  giveWay(): boolean {
    const given = this.bytes > 0;
    for (const format of FORMATS) this.#giveUp(format);
    return given;
  }

  /**
   * Decodes a file to upright RGBA. The format is what the bytes are, whatever was declared, and the size in
   * the header is checked before a pixel is decoded. Colour profiles and gamma are ignored, as Pillow does.
   *
   * @param room is told of the memory that decoding takes before it is taken, and may refuse.
   * @throws {PictureError} The decoder can be used on.
   */
  async decode(bytes: Uint8Array, room: Held['decoding'] = () => {}): Promise<Picture> {
    const { format, header } = checkPicture(bytes);
    room(bytes.length + decodingBytes(format, header), this.#others(format));
    try {
      return turnUpright(await this.#decodePixels(bytes, format, header), header.orientation);
    } catch (error) {
      const whole = format === 'JPEG' ? withoutTrailer(bytes) : undefined;
      if (whole === undefined) throw damaged(bytes, format, describe(error));
      try {
        return turnUpright(await this.#decodePixels(whole, format, header), header.orientation);
      } catch {
        throw damaged(bytes, format, describe(error));
      }
    }
  }

  /** The codecs of other formats, which wait for their next picture. */
  #others(format: Format): Keeper {
    const others = FORMATS.filter((other) => other !== format);
    return {
      bytes: others.reduce((sum, other) => sum + this.#bytesOf(other), 0),
      giveWay: () => {
        for (const other of others) this.#giveUp(other);
        return true;
      },
    };
  }

  #bytesOf(format: Format): number {
    const codec = { PNG: this.#png, JPEG: this.#jpeg, WebP: this.#webp }[format];
    return codec?.bytes ?? 0;
  }

  /** The pixels as they lie in the file. Nothing else runs while a codec works. */
  async #decodePixels(bytes: Uint8Array, format: Format, header: Header): Promise<Picture> {
    // Few pictures are CMYK, and the start of the Worker need not wait for what reads them.
    const isCmyk = header.components === 4;
    if (isCmyk) this.#decodeCmyk ??= (await import('./cmyk-jpeg.ts')).decodeCmykJpeg;
    if (format === 'JPEG') this.#jpeg ??= await JpegDecoder.create();
    if (format === 'WebP') this.#webp ??= await WebpDecoder.create();
    if (format === 'PNG') this.#png ??= new PngDecoder();
    try {
      if (header.webp !== undefined) return (this.#webp as WebpDecoder).decode(header.webp);
      if (isCmyk) return (this.#decodeCmyk as DecodeCmyk)(bytes, header.width, header.height);
      return (format === 'PNG' ? (this.#png as PngDecoder) : (this.#jpeg as JpegDecoder)).decode(bytes);
    } catch (error) {
      // One that complained goes on; one that trapped or exited is in no state to.
      if (!(error instanceof CodecComplaint)) this.#giveUp(format);
      throw error;
    } finally {
      this.#giveUpLarge();
    }
  }

  #giveUpLarge(): void {
    if (this.bytes > MAX_IDLE_CODEC_BYTES) this.giveWay();
  }

  #giveUp(format: Format): void {
    if (format === 'PNG') this.#png = undefined;
    if (format === 'JPEG') this.#jpeg = undefined;
    if (format === 'WebP') this.#webp = undefined;
  }
}

/**
 * Checks all of a picture that can be checked without decoding it: format, header, size.
 *
 * @throws {PictureError}
 */
export function checkPicture(bytes: Uint8Array): { format: Format; header: Header } {
  if (bytes.length > MAX_PICTURE_BYTES) throw tooManyBytes(String(bytes.length));
  const format = formatOf(bytes);
  const header = readHeader(bytes, format);
  checkHeader(header, format);
  return { format, header };
}

/** @param found how many bytes a picture has. */
export function tooManyBytes(found: string): PictureError {
  return new PictureError(
    'picture_too_large',
    `The picture has ${found} bytes; up to ${MAX_PICTURE_BYTES} are read.`,
  );
}

function formatOf(bytes: Uint8Array): Format {
  if (startsWithText(bytes, '\x89PNG\r\n\x1a\n')) return 'PNG';
  if (startsWithText(bytes, '\xff\xd8\xff')) return 'JPEG';
  if (startsWithText(bytes, 'RIFF') && startsWithText(bytes, 'WEBP', 8)) return 'WebP';
  if (bytes.length === 0) throw new PictureError('picture_empty', 'The picture is empty: it has 0 bytes.');
  throw new PictureError(
    'picture_unsupported',
    `The picture is ${describeFormat(bytes)}; PNG, JPEG and WebP are supported.`,
  );
}

interface Header extends PictureHeader {
  readonly webp?: WebpContent;
}

function readHeader(bytes: Uint8Array, format: Format): Header {
  try {
    if (format === 'PNG') return readPngHeader(bytes);
    if (format === 'JPEG') return readJpegHeader(bytes);
    const webp = readWebp(bytes);
    const { width, height, orientation } = webp;
    return { width, height, orientation, webp };
  } catch (error) {
    throw damaged(bytes, format, `: ${(error as Error).message}`);
  }
}

function damaged(bytes: Uint8Array, format: Format, how: string): PictureError {
  return new PictureError(
    'picture_damaged',
    `The ${format} file of ${bytes.length} bytes is truncated or damaged${how}.`,
  );
}

function checkHeader({ width, height, frame = BASELINE }: Header, format: Format): void {
  if (frame > PROGRESSIVE) {
    throw new PictureError(
      'picture_unsupported',
      `The JPEG file is coded as SOF${frame - BASELINE} (arithmetic, lossless or hierarchical); baseline and progressive are read.`,
    );
  }
  if (width === 0 || height === 0) {
    throw new PictureError('picture_empty', `The ${format} file says it is ${width}×${height} pixels.`);
  }
  if (Math.max(width, height) > MAX_PICTURE_SIDE) {
    throw new PictureError(
      'picture_too_large',
      `The ${format} file is ${width}×${height} pixels; a side may have up to ${MAX_PICTURE_SIDE}.`,
    );
  }
  if (width * height > MAX_PIXELS) {
    throw new PictureError(
      'picture_too_large',
      `The ${format} file is ${width}×${height} = ${width * height} pixels; up to ${MAX_PIXELS} are decoded.`,
    );
  }
}

/** Memory that decoding a picture takes: the codec's, and the pixels as they come and as they stand. */
function decodingBytes(
  format: Format,
  { width, height, orientation, components, frame = BASELINE }: Header,
): number {
  const codec =
    format === 'PNG'
      ? CODEC_BYTES_PER_PIXEL.png
      : format === 'WebP'
        ? CODEC_BYTES_PER_PIXEL.webp
        : components === 4
          ? CODEC_BYTES_PER_PIXEL.cmyk
          : CODEC_BYTES_PER_PIXEL[frame === PROGRESSIVE ? 'progressive' : 'baseline'];
  const pixels = width * height;
  return Math.max(CODEC_BYTES, codec * pixels) + RGBA_BYTES * pixels * (orientation === 1 ? 1 : 2);
}

const RGBA_BYTES = 4;

/** What the JPEG codec said. A trap has no words, and a panic of the PNG codec has none that help. */
function describe(error: unknown): string {
  const said = error instanceof CodecComplaint ? error.message.replace(/\.$/, '') : '';
  return said === '' ? '' : `: ${said}`;
}

const KNOWN_FORMATS: readonly [name: string, offset: number, magic: string][] = [
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
  const known = KNOWN_FORMATS.find(([, offset, magic]) => startsWithText(bytes, magic, offset));
  if (known !== undefined) return known[0];
  const first = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `of no known format (it begins with ${first})`;
}
