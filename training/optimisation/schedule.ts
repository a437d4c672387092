import * as z from 'zod';

const warmup = {
  /** Steps over which the rate rises linearly to its peak. */
  warmupSteps: z.int().nonnegative(),
  /** What it rises from, as a fraction of the peak. */
  warmupFrom: z.number().min(0).max(1).default(0),
};

/** How the learning rate goes over a run. */
export const scheduleSchema = z.discriminatedUnion('name', [
  z.strictObject({
    /** After the warm-up half a cosine to zero at the last step (Loshchilov and Hutter, SGDR, ICLR 2017). */
    name: z.literal('cosine'),
    ...warmup,
  }),
  z.strictObject({
    /** After the warm-up constant, times `factor` from each milestone on. */
    name: z.literal('step'),
    ...warmup,
    /** Steps, ascending. */
    milestones: z
      .array(z.int().positive())
      .refine((steps) => steps.every((step, i) => i === 0 || step > steps[i - 1]), 'must be ascending'),
    factor: z.number().positive().lt(1),
  }),
]);

export type Schedule = z.infer<typeof scheduleSchema>;

/**
 * The learning rate of a step as a fraction of its peak.
 *
 * @param step from 0.
 * @param steps of the whole run.
 */
export function rateFactor(schedule: Schedule, step: number, steps: number): number {
  const { warmupSteps, warmupFrom } = schedule;
  if (step < warmupSteps) return warmupFrom + ((1 - warmupFrom) * (step + 1)) / warmupSteps;
  switch (schedule.name) {
    case 'cosine':
      return 0.5 * (1 + Math.cos((Math.PI * (step - warmupSteps)) / Math.max(1, steps - warmupSteps)));
    case 'step':
      return schedule.factor ** schedule.milestones.filter((milestone) => step >= milestone).length;
  }
}
