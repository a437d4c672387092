import createCodec from '@jsquash/webp/codec/dec/webp_dec.js';
import code from '@jsquash/webp/codec/dec/webp_dec.wasm';
import type { Picture } from '@softmargin/shared/images/picture.ts';
import { EmscriptenCodec } from './emscripten-codec.ts';
import { CodecComplaint } from './jpeg.ts';
import type { WebpContent } from './webp-container.ts';

/** Decodes WebP with the codec of @jsquash/webp, which knows still pictures only. */
export class WebpDecoder {
  readonly #codec: EmscriptenCodec;

  private constructor(codec: EmscriptenCodec) {
    this.#codec = codec;
  }

  static async create(): Promise<WebpDecoder> {
    return new WebpDecoder(await EmscriptenCodec.create(createCodec, code));
  }

  /** Bytes of memory that it holds. */
  get bytes(): number {
    return this.#codec.bytes;
  }

  /** The picture as it lies in the file. Of an animation it is the first frame, on a transparent canvas. */
  decode({ width, height, still, frame }: WebpContent): Picture {
    const picture = this.#codec.decode(still);
    if (picture === null) throw new CodecComplaint('its picture cannot be decoded');
    if (frame.width === width && frame.height === height) return picture;
    const data = new Uint8Array(4 * width * height);
    for (let y = 0; y < frame.height; y++) {
      const row = picture.data.subarray(4 * y * frame.width, 4 * (y + 1) * frame.width);
      data.set(row, 4 * ((frame.y + y) * width + frame.x));
    }
    return { width, height, data };
  }
}
