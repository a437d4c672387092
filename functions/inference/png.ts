import codec from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm';
import type { Picture } from '@softmargin/shared/images/picture.ts';

/**
 * Decodes PNG with the codec of @jsquash/png, spoken to directly. Its own JavaScript cannot be used here: it
 * builds an `ImageData`, which Workers do not have, and it keeps one instance for ever, even after a trap.
 */
export class PngDecoder {
  readonly #codec: CodecExports;
  #picture: Picture | undefined;

  constructor() {
    // Names of imports end in a hash that a build of the codec adds.
    const provided: readonly [prefix: string, provide: (...values: number[]) => void][] = [
      [
        '__wbg_newwithownedu8clampedarray',
        (data, length, width, height) => {
          this.#picture = { width, height, data: this.#take(data, length) };
        },
      ],
      [
        '__wbindgen_throw',
        (text, length) => {
          throw new Error(new TextDecoder().decode(this.#view(text, length)));
        },
      ],
    ];
    const imports: WebAssembly.ModuleImports = {};
    for (const { name } of WebAssembly.Module.imports(codec)) {
      imports[name] = provided.find(([prefix]) => name.startsWith(prefix))?.[1] ?? refuse;
    }
    this.#codec = new WebAssembly.Instance(codec, { wbg: imports }).exports as unknown as CodecExports;
  }

  /** Bytes of memory that it holds. */
  get bytes(): number {
    return this.#codec.memory.buffer.byteLength;
  }

  /** @throws on bytes that are not a whole PNG: a trap, after which this decoder must not be used again. */
  decode(bytes: Uint8Array): Picture {
    const pointer = this.#codec.__wbindgen_malloc(bytes.length, 1);
    this.#view(pointer, bytes.length).set(bytes);
    this.#codec.decode(pointer, bytes.length);
    const picture = this.#picture;
    this.#picture = undefined;
    if (picture === undefined) throw new Error('The PNG codec gave no picture.');
    return picture;
  }

  /** Copies bytes out of the codec's memory and frees them there. */
  #take(pointer: number, length: number): Uint8Array {
    const bytes = this.#view(pointer, length).slice();
    this.#codec.__wbindgen_free(pointer, length, 1);
    return bytes;
  }

  #view(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.#codec.memory.buffer, pointer >>> 0, length);
  }
}

interface CodecExports {
  readonly memory: WebAssembly.Memory;
  /** Takes ownership of the bytes. */
  decode(pointer: number, length: number): number;
  __wbindgen_malloc(size: number, alignment: number): number;
  __wbindgen_free(pointer: number, size: number, alignment: number): void;
}

function refuse(): never {
  throw new Error('The PNG codec called what decoding to 8 bits does not need.');
}
