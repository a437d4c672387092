import createCodec from '@jsquash/jpeg/codec/dec/mozjpeg_dec.js';
import code from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import type { Picture } from '@softmargin/shared/images/picture.ts';
import { EmscriptenCodec } from './emscripten-codec.ts';

/** What the codec says of a file: "Premature end of JPEG file". */
export class CodecComplaint extends Error {
  override readonly name = 'CodecComplaint';
}

/** Bytes between the last pixel and the end of the file: cameras leave some. */
const HARMLESS = /extraneous bytes before marker 0xd9/;

/** Decodes grey and colour JPEG with the codec of @jsquash/jpeg. */
export class JpegDecoder {
  readonly #codec: EmscriptenCodec;

  private constructor(codec: EmscriptenCodec) {
    this.#codec = codec;
  }

  static async create(): Promise<JpegDecoder> {
    return new JpegDecoder(await EmscriptenCodec.create(createCodec, code));
  }

  /** Bytes of memory that it holds. */
  get bytes(): number {
    return this.#codec.bytes;
  }

  /**
   * The picture as it lies in the file.
   *
   * @throws {CodecComplaint} on a truncated or damaged file: the codec fills what it lacks with grey and only
   * complains; here such a complaint is an error.
   * @throws on bytes that are no JPEG at all: the codec exits, and this decoder must not be used again.
   */
  decode(bytes: Uint8Array): Picture {
    const picture = this.#codec.decode(bytes, false);
    const { complaints } = this.#codec;
    if (complaints.some((line) => !HARMLESS.test(line))) throw new CodecComplaint(complaints.join(' '));
    if (picture === null) throw new CodecComplaint('it has no picture');
    return picture;
  }
}
