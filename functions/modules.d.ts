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

/** The part of the Emscripten module that is used; the package's own types refer to a missing namespace. */
declare module '@jsquash/jpeg/codec/dec/mozjpeg_dec.js' {
  export default function createCodec(options: {
    noInitialRun: boolean;
    instantiateWasm(
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance) => void,
    ): WebAssembly.Exports;
    print(line: string): void;
    printErr(line: string): void;
  }): Promise<{
    decode(
      bytes: Uint8Array,
      applyOrientation: boolean,
    ): { width: number; height: number; data: Uint8ClampedArray } | null;
  }>;
}
