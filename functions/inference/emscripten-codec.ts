/** What the decoders of @jsquash/jpeg and @jsquash/webp are once they run. */
export interface EmscriptenModule {
  decode(...input: [bytes: Uint8Array, upright?: boolean]): EmscriptenPicture | null;
}

export interface EmscriptenPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

export interface EmscriptenOptions {
  noInitialRun: boolean;
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance) => void,
  ): WebAssembly.Exports;
  print(line: string): void;
  printErr(line: string): void;
}

/**
 * An instance of a codec of @jsquash's with memory of its own. The codec builds an `ImageData` and, seeing
 * that it runs in a Worker, defines a minimal one on `globalThis` itself; nothing here adds to that.
 */
export class EmscriptenCodec {
  /** What it printed since `decode` was called last. */
  readonly complaints: string[] = [];
  #module: EmscriptenModule | undefined;
  #memory: WebAssembly.Memory | undefined;

  static async create(
    start: (options: EmscriptenOptions) => Promise<EmscriptenModule>,
    code: WebAssembly.Module,
  ): Promise<EmscriptenCodec> {
    const codec = new EmscriptenCodec();
    codec.#module = await start({
      noInitialRun: true,
      instantiateWasm: (imports, receive) => {
        const instance = new WebAssembly.Instance(code, imports);
        // Its name is one of the letters that a build gives to exports.
        codec.#memory = Object.values(instance.exports).find(
          (value): value is WebAssembly.Memory => value instanceof WebAssembly.Memory,
        );
        receive(instance);
        return instance.exports;
      },
      print: (line) => codec.complaints.push(line),
      printErr: (line) => codec.complaints.push(line),
    });
    return codec;
  }

  /** Bytes of memory that it holds. */
  get bytes(): number {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /** @throws where the codec exits or traps: then it must not be used again. */
  decode(...input: Parameters<EmscriptenModule['decode']>): EmscriptenPicture | null {
    this.complaints.length = 0;
    return (this.#module as EmscriptenModule).decode(...input);
  }
}
