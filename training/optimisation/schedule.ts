/**
 * The learning rate's factor at a step (from 0): a linear rise over the warm-up, then half a cosine to zero
 * at the last step (Loshchilov and Hutter, SGDR, ICLR 2017).
 */
export function warmupCosine(step: number, steps: number, warmupSteps: number): number {
  if (step < warmupSteps) return (step + 1) / warmupSteps;
  return 0.5 * (1 + Math.cos((Math.PI * (step - warmupSteps)) / Math.max(1, steps - warmupSteps)));
}
