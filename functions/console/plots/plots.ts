export { plot } from '@observablehq/plot';
export { averagePrecisionPlot } from './average-precision.ts';
export { cmcPlot } from './cmc.ts';
export { differencePlot } from './differences.ts';
export { distancePlot } from './distances.ts';
export { embeddingPlot } from './embedding.ts';
export { rocPlot } from './roc.ts';
