import { compiledFeatures } from '../../shared/inference/compiled-features.ts';
import type { Architecture } from '../../shared/models/layers.ts';
import type { Features } from '../../shared/models/serving.ts';
import { createRandom } from '../../shared/random.ts';
import { exampleManifest, randomParameters } from '../bundles.ts';
import { inferenceEngine } from '../inference-engine.ts';
import type { OnnxNetwork, OnnxRuntime } from './onnxruntime.ts';

/** What two computations of the same features may differ by, in parts of the largest of them. */
const TOLERANCE = 1e-4;

/** One network with random weights in this Node, by our kernels and by onnxruntime-web. */
export class PeerComparison {
  readonly #architecture: Architecture;
  readonly #features: Features;
  readonly #network: OnnxNetwork;

  private constructor(architecture: Architecture, features: Features, network: OnnxNetwork) {
    this.#architecture = architecture;
    this.#features = features;
    this.#network = network;
  }

  static async load(runtime: OnnxRuntime, architecture: Architecture): Promise<PeerComparison> {
    const { input, name, dimension } = architecture;
    const tensors = randomParameters(architecture, 1);
    const load = compiledFeatures(inferenceEngine(undefined, true));
    const features = load(architecture, { ...exampleManifest(name, dimension), input }, tensors);
    return new PeerComparison(architecture, features, await runtime.load(architecture, tensors));
  }

  /**
   * Processor seconds of each for a batch, `times` times, in turn.
   *
   * @throws {Error} where they do not give the same features.
   */
  async measure(batch: number, times: number): Promise<{ kernels: number; onnxruntime: number }> {
    const { height, width, channels } = this.#architecture.input;
    const random = createRandom(1);
    const images = Float32Array.from({ length: batch * height * width * channels }, () => random.normal());
    const prepared = this.#network.prepare(images, batch);
    const [kernels, ours] = await timed(times, () => this.#features.embed(images, batch));
    const [onnxruntime, theirs] = await timed(times, () => this.#network.embed(prepared));
    const difference = relativeDifference(ours, theirs);
    if (!(difference < TOLERANCE)) {
      throw new Error(
        `${this.#architecture.name}: ours and onnxruntime-web's features are ${difference} apart.`,
      );
    }
    return { kernels, onnxruntime };
  }

  async release(): Promise<void> {
    this.#features.dispose();
    await this.#network.release();
  }
}

/** Processor seconds of this process, and the last result. */
async function timed<R>(times: number, compute: () => Promise<R>): Promise<[seconds: number, result: R]> {
  const start = process.cpuUsage();
  let result = await compute();
  for (let i = 1; i < times; i++) result = await compute();
  const { user, system } = process.cpuUsage(start);
  return [(user + system) / 1e6, result];
}

/** The largest difference of two vectors of one length, in parts of the largest number of the second. */
export function relativeDifference(ours: Float32Array, theirs: Float32Array): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let largest = 0;
  for (const [i, value] of theirs.entries()) {
    difference = Math.max(difference, Math.abs(ours[i] - value));
    largest = Math.max(largest, Math.abs(value));
  }
  return difference / largest;
}
