import * as z from 'zod';

/** What a term counts in the sum of losses. */
export function lossWeight(byDefault: number) {
  return z.number().min(0).default(byDefault);
}

/** What a loss is told: its term without what only the sum needs. */
export type LossSettings<T> = Omit<T, 'name' | 'weight'>;
