import type { MakeFeatures } from '../models/serving.ts';
import { CompiledNetwork } from './compiled-network.ts';
import type { InferenceEngine } from './inference-kernels.ts';
import { EngineWeights } from './layer-weights.ts';

/** Features by the kernels of an engine, which holds the weights. */
export function compiledFeatures(engine: InferenceEngine): MakeFeatures {
  return (architecture, { input, weights }, tensors) => {
    const network = new CompiledNetwork(
      engine,
      architecture,
      input,
      (steps) => new EngineWeights(engine, steps, tensors, weights?.serving),
    );
    return {
      embed: async (images, count) => network.run(images, count),
      dispose: () => network.dispose(),
    };
  };
}
