import { expect, test } from 'vitest';
import type { ProgressBars } from './progress.ts';
import { TrainingProgress } from './training-progress.ts';

test('the last line does not have the mAP of an earlier step', () => {
  const lines: string[] = [];
  const bars = {
    start: () => ({
      update: (step: number, note: string) => lines.push(`${step}: ${note}`),
      note: (words: string) => lines.push(words),
    }),
  } as unknown as ProgressBars;
  const progress = new TrainingProgress(bars, 'Train', 2);
  const line = { loss: 1.5, parts: { softmax: 1.5 }, gradientNorm: 1, learningRate: 1 };
  const speed = { images: 8, seconds: 0.5, waitingSeconds: 0 };
  const validation = (mAP: number) => ({ mAP, mINP: 0, cmc1: 0 });
  progress.step({ ...line, ...speed, step: 1 });
  progress.validation({ step: 1, validation: validation(0.25), seconds: 1 }, true);
  progress.step({ ...line, ...speed, step: 2 });
  progress.validation({ step: 2, validation: validation(0.5), seconds: 1 }, true);
  const step = 'loss 1.500, 16 images/s, 0 % waiting for data';
  expect(lines).toEqual([
    `1: ${step}`,
    `${step}, mAP 25.00 % (best)`,
    `2: ${step}`,
    `${step}, mAP 50.00 % (best)`,
  ]);
});
