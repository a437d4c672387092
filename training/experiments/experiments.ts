import type { Experiment } from './experiment.ts';
import { mnistToyExperiment } from './mnist-toy.ts';
import { omniglotLosses } from './omniglot-losses.ts';
import { smlAblation } from './sml-ablation.ts';

/** Every experiment by its name. */
export const experiments: ReadonlyMap<string, Experiment> = new Map(
  [mnistToyExperiment, omniglotLosses, smlAblation].map((experiment) => [experiment.name, experiment]),
);
