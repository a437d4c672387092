import * as z from 'zod';
import { hasPyTorch, runScript } from './pytorch.ts';

const secondsSchema = z.array(z.number().positive()).min(1);

/**
 * Seconds that a processor computes for training steps of one of our networks of small pictures in PyTorch.
 *
 * @returns `null` where there is no PyTorch.
 */
export function pytorchSteps(model: string, batch: number, classes: number, steps: number): number[] | null {
  if (!hasPyTorch) return null;
  const printed = runScript('training_speed.py', [model, ...[batch, classes, steps].map(String)]);
  return secondsSchema.parse(JSON.parse(printed));
}
