import * as z from 'zod';
import { adam } from './adam.ts';
import { sgd } from './sgd.ts';
import type { UpdateRule } from './update-rule.ts';

const rates = {
  /** At its peak; the schedule says how it gets there and what follows. */
  learningRate: z.number().positive(),
  /** What the losses learn beside the network (class weights, biases, centres) learns this many times faster. */
  classWeightFactor: z.number().positive().default(1),
};

const adamFields = {
  ...rates,
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  epsilon: z.number().positive().default(1e-8),
};

/** How a recipe says which optimiser, PyTorch's defaults where it says nothing. */
export const optimiserSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('adam'), ...adamFields, weightDecay: z.number().min(0).default(0) }),
  z.strictObject({ name: z.literal('adamw'), ...adamFields, weightDecay: z.number().min(0).default(0.01) }),
  z.strictObject({
    name: z.literal('sgd'),
    ...rates,
    momentum: z.number().min(0).lt(1).default(0.9),
    nesterov: z.boolean().default(false),
    weightDecay: z.number().min(0).default(0),
  }),
]);

export type OptimiserSettings = z.output<typeof optimiserSchema>;

/** The rule by which the optimiser of a recipe moves weights. */
export function updateRule(settings: OptimiserSettings): UpdateRule {
  switch (settings.name) {
    case 'adam':
      return adam({ ...settings, decay: 'in-gradient' });
    case 'adamw':
      return adam({ ...settings, decay: 'decoupled' });
    case 'sgd':
      return sgd(settings);
  }
}
