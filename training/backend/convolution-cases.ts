import type * as tf from '@tensorflow/tfjs';

type Padding = 'same' | 'valid' | number | tf.backend_util.ExplicitPadding;

export interface ConvolutionCase {
  readonly map: readonly [number, number];
  readonly filter: readonly [number, number];
  readonly stride: number | [number, number];
  readonly pad: Padding;
}

/** The geometries that a convolution's gradients are tested in. */
export const convolutionCases: ConvolutionCase[] = [
  { map: [5, 7], filter: [3, 3], stride: 1, pad: 'same' },
  { map: [5, 7], filter: [3, 3], stride: 1, pad: 'valid' },
  { map: [5, 7], filter: [3, 3], stride: 2, pad: 'same' },
  { map: [5, 7], filter: [3, 3], stride: 2, pad: 'valid' },
  { map: [6, 8], filter: [3, 3], stride: 2, pad: 'same' },
  // The last row and column are met by no window.
  { map: [6, 8], filter: [3, 3], stride: 2, pad: 'valid' },
  { map: [6, 8], filter: [3, 3], stride: 2, pad: 1 },
  { map: [7, 5], filter: [2, 3], stride: [1, 2], pad: 'same' },
  { map: [5, 5], filter: [1, 1], stride: 1, pad: 'same' },
  { map: [5, 4], filter: [1, 1], stride: 2, pad: 'valid' },
  { map: [5, 5], filter: [5, 5], stride: 1, pad: 'valid' },
  { map: [5, 7], filter: [3, 3], stride: 1, pad: explicit(0, 2, 1, 0) },
  { map: [5, 7], filter: [3, 3], stride: 2, pad: explicit(2, 1, 0, 1) },
  // Wider than the filter: some windows meet nothing but padding.
  { map: [4, 4], filter: [2, 2], stride: 1, pad: explicit(3, 0, 0, 3) },
];

function explicit(top: number, bottom: number, left: number, right: number): Padding {
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}
