export { preluInputGradient, preluSlopeGradient, reluGradient } from './activation-gradients';
export { adam } from './adam';
export { normalise, normaliseGradient } from './batch-normalisation';
export { convolve, scratchBytes } from './convolution';
export { depthwiseFilterGradient } from './depthwise-filter-gradient';
export { filterGradient } from './filter-gradient';
export { maxPoolGradient } from './max-pool-gradient';
export { packedBytes, packMatrix, packReversedFilter } from './pack-filter';
export { place } from './place';
