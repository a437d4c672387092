import { reIdentification } from './re-identification.ts';

/** CUHK03 in the 767/700 split, boxes of a detector. */
export const cuhk03Detected = reIdentification({ name: 'cuhk03', boxes: 'detected' }, 7365, {
  height: 256,
  width: 128,
});
