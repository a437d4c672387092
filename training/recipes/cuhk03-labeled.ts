import { reIdentification } from './re-identification.ts';

/** CUHK03 in the 767/700 split, boxes drawn by hand. */
export const cuhk03Labeled = reIdentification({ name: 'cuhk03', boxes: 'labeled' }, 7368, {
  height: 256,
  width: 128,
});
