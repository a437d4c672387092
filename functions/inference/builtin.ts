import mnistWide from '../bundles/mnist-wide.safetensors';

/** The model of requests that name none. */
export const DEFAULT_MODEL = 'mnist-wide';

/** The bundles that come with the Worker, by model name. */
export const builtInBundles: ReadonlyMap<string, ArrayBuffer> = new Map([[DEFAULT_MODEL, mnistWide]]);
