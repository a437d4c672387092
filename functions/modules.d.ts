/** Files that the bundler hands to the Worker as modules: see `rules` in wrangler.toml. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

declare module '*.safetensors' {
  const bytes: ArrayBuffer;
  export default bytes;
}

/** Named, because the package describes the file's exports as if it were instantiated by the import. */
declare module '@jsquash/png/codec/pkg/squoosh_png_bg.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

/** The packages' own types refer to a missing namespace. */
declare module '@jsquash/jpeg/codec/dec/mozjpeg_dec.js' {
  import type { EmscriptenModule, EmscriptenOptions } from './inference/emscripten-codec.ts';
  export default function createCodec(options: EmscriptenOptions): Promise<EmscriptenModule>;
}

declare module '@jsquash/webp/codec/dec/webp_dec.js' {
  import type { EmscriptenModule, EmscriptenOptions } from './inference/emscripten-codec.ts';
  export default function createCodec(options: EmscriptenOptions): Promise<EmscriptenModule>;
}

/** The part of it that is used; the package describes its main entry only. */
declare module 'pdfjs-dist/image_decoders/pdf.image_decoders.min.mjs' {
  export class JpegImage {
    readonly width: number;
    readonly height: number;
    readonly numComponents: number;
    parse(bytes: Uint8Array): void;
    getData(options: { width: number; height: number; isSourcePDF: boolean }): Uint8ClampedArray;
  }
}

declare module '*.html' {
  const text: string;
  export default text;
}
