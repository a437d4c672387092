import { expect, test } from 'vitest';
import { rateFactor, type Schedule, scheduleSchema } from './schedule.ts';

const cosine: Schedule = { name: 'cosine', warmupSteps: 4, warmupFrom: 0 };
const factors = (schedule: Schedule, steps: number) =>
  Array.from({ length: steps }, (_, step) => rateFactor(schedule, step, steps));

test('cosine rises linearly, then falls as half a cosine to zero', () => {
  const all = factors(cosine, 14);
  expect(all.slice(0, 4)).toEqual([0.25, 0.5, 0.75, 1]);
  expect(all[4]).toBe(1);
  expect(all[9]).toBeCloseTo(0.5, 12);
  expect(all.slice(4)).toEqual([...all.slice(4)].sort((a, b) => b - a));
  expect(rateFactor(cosine, 14, 14)).toBeCloseTo(0, 12);
});

test('without a warm-up it starts at its peak', () => {
  expect(rateFactor({ ...cosine, warmupSteps: 0 }, 0, 10)).toBe(1);
});

test("step follows the paper's family: 1e-5 to 1e-3 over 20 epochs, a tenth at 90 and at 130", () => {
  const schedule: Schedule = {
    name: 'step',
    warmupSteps: 20,
    warmupFrom: 0.01,
    milestones: [90, 130],
    factor: 0.1,
  };
  const all = factors(schedule, 150);
  for (let step = 0; step < 20; step++) {
    expect(all[step]).toBeCloseTo(0.01 + (0.99 / 20) * (step + 1), 12);
  }
  expect(all.slice(20, 90).every((factor) => factor === 1)).toBe(true);
  expect(all.slice(90, 130).every((factor) => factor === 0.1)).toBe(true);
  expect(all.slice(130).every((factor) => Math.abs(factor - 0.01) < 1e-12)).toBe(true);
});

test('milestones that are not ascending are refused', () => {
  const descending = { name: 'step', warmupSteps: 0, milestones: [9, 3], factor: 0.1 };
  expect(scheduleSchema.safeParse(descending).error?.issues[0].message).toBe('must be ascending');
});
