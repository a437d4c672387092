import type { Architecture } from '../../shared/models/layers.ts';
import type { Tensors } from '../plain-network.ts';
import { ONNX_INPUT, ONNX_OUTPUT, onnxModel } from './onnx-model.ts';

/** How it gets beside the bench. It is no dependency: it has 140 MB, and nothing but the bench wants it. */
export const INSTALL_ONNXRUNTIME = 'npm install --no-save onnxruntime-web@1.30.0';

/** What is used of https://onnxruntime.ai/docs/api/js. */
interface OnnxRuntimeWeb {
  readonly env: { readonly versions: { readonly web?: string }; readonly wasm: { numThreads?: number } };
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => object;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: { readonly executionProviders: readonly string[]; readonly graphOptimizationLevel: string },
    ): Promise<OnnxSession>;
  };
}

interface OnnxSession {
  run(inputs: Readonly<Record<string, object>>): Promise<Readonly<Record<string, { data: Float32Array }>>>;
  release(): Promise<void>;
}

/** onnxruntime-web on one thread of this Node's WebAssembly, with all its optimisations. */
export class OnnxRuntime {
  readonly version: string;
  readonly #runtime: OnnxRuntimeWeb;

  private constructor(runtime: OnnxRuntimeWeb) {
    this.#runtime = runtime;
    this.version = runtime.env.versions.web ?? 'of unknown version';
  }

  /** `undefined` where it is not installed. */
  static async start(): Promise<OnnxRuntime | undefined> {
    // By a name that the compiler does not look for.
    const name: string = 'onnxruntime-web/wasm';
    try {
      const runtime = (await import(name)) as OnnxRuntimeWeb;
      runtime.env.wasm.numThreads = 1;
      return new OnnxRuntime(runtime);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async load(architecture: Architecture, tensors: Tensors): Promise<OnnxNetwork> {
    const session = await this.#runtime.InferenceSession.create(onnxModel(architecture, tensors), {
      executionProviders: ['wasm'],
      graphOptimizationLevel: 'all',
    });
    const { height, width, channels } = architecture.input;
    return {
      prepare: (images, count) => {
        const shape = [count, channels, height, width];
        return new this.#runtime.Tensor('float32', channelsFirst(images, height * width, channels), shape);
      },
      embed: async (images) => (await session.run({ [ONNX_INPUT]: images }))[ONNX_OUTPUT].data,
      release: () => session.release(),
    };
  }
}

export interface OnnxNetwork {
  /** @param images `count` pictures [height, width, channels], one after the other. */
  prepare(images: Float32Array, count: number): object;
  /** @param images as `prepare` gives them. @returns a row of features for each. */
  embed(images: object): Promise<Float32Array>;
  release(): Promise<void>;
}

/** [N, pixels, channels] → [N, channels, pixels] */
function channelsFirst(images: Float32Array, pixels: number, channels: number): Float32Array {
  const planes = new Float32Array(images.length);
  for (let i = 0; i < images.length; i++) {
    const channel = i % channels;
    const pixel = ((i - channel) / channels) % pixels;
    const image = Math.floor(i / (pixels * channels));
    planes[(image * channels + channel) * pixels + pixel] = images[i];
  }
  return planes;
}
