export {
  addMaps,
  addScaled,
  copyChannels,
  instanceNormalise,
  meanRows,
  multiplyMaps,
  scaleChannels,
} from './channels';
export { convolutionScratchBytes, convolve } from './convolution';
export { depthwise, depthwise3x3 } from './depthwise';
export { averagePool, maxPool } from './pooling';
