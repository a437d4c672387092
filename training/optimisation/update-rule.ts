import type * as tf from '@tensorflow/tfjs';

/** How one step moves one variable. */
export interface Update {
  readonly variable: tf.Variable;
  readonly gradient: tf.Tensor;
  /** What the rule carries from step to step, in the order of its `moments`; all zeros at first. */
  readonly moments: readonly tf.Variable[];
  readonly learningRate: number;
  readonly weightDecay: number;
  /** From 1. */
  readonly step: number;
}

/** The rule of an optimiser: moves a variable, and its moments, in place. */
export interface UpdateRule {
  /** Names of the tensors of the variable's shape that the rule carries along. */
  readonly moments: readonly string[];
  /** To be called in a tidy. */
  apply(update: Update): void;
}
