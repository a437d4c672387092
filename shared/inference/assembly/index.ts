export { addMaps, addScaled, copyChannels, instanceNormalise, meanRows, scaleChannels } from './channels';
export { convolutionScratchBytes, convolve } from './convolution';
export { depthwise3x3 } from './depthwise';
export { averagePool, maxPool } from './pooling';
