import createCodec from '@jsquash/jpeg/codec/dec/mozjpeg_dec.js';
import codec from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import type { Picture } from '@softmargin/shared/images/picture.ts';

/** What the codec says of a file: "Premature end of JPEG file". */
export class CodecComplaint extends Error {
  override readonly name = 'CodecComplaint';
}

/** Bytes between the last pixel and the end of the file: cameras leave some. */
const HARMLESS = /extraneous bytes before marker 0xd9/;

/**
 * Decodes JPEG with the codec of @jsquash/jpeg. The codec builds an `ImageData` and, seeing that it runs in a
 * Worker, defines a minimal one on `globalThis` itself; nothing here adds to that.
 */
export class JpegDecoder {
  readonly #decode: (bytes: Uint8Array, upright: boolean) => Picture | null;
  readonly #complaints: string[];

  private constructor(decode: (bytes: Uint8Array, upright: boolean) => Picture | null, complaints: string[]) {
    this.#decode = decode;
    this.#complaints = complaints;
  }

  static async create(): Promise<JpegDecoder> {
    const complaints: string[] = [];
    const module = await createCodec({
      noInitialRun: true,
      instantiateWasm(imports, receive) {
        const instance = new WebAssembly.Instance(codec, imports);
        receive(instance);
        return instance.exports;
      },
      print: (line) => complaints.push(line),
      printErr: (line) => complaints.push(line),
    });
    return new JpegDecoder((bytes, upright) => module.decode(bytes, upright), complaints);
  }

  /**
   * The picture, turned as its EXIF orientation says.
   *
   * @throws on bytes that are not a whole JPEG: the codec exits, and this decoder must not be used again. It
   * fills what a truncated file lacks with grey and only complains; here such a complaint is an error.
   */
  decode(bytes: Uint8Array): Picture {
    this.#complaints.length = 0;
    const picture = this.#decode(bytes, true);
    if (this.#complaints.some((line) => !HARMLESS.test(line)))
      throw new CodecComplaint(this.#complaints.join(' '));
    if (picture === null) throw new Error('The JPEG codec gave no picture.');
    return { width: picture.width, height: picture.height, data: picture.data };
  }
}
