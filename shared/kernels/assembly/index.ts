export { normalise, normaliseGradient } from './batch-normalisation';
export { convolve, scratchBytes } from './convolution';
export { filterGradient } from './filter-gradient';
export { packedBytes, packMatrix, packReversedFilter } from './pack-filter';
export { place } from './place';
