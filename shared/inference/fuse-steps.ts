import type { Activation } from '../models/layers.ts';
import type { RecordedNetwork } from './record-steps.ts';
import { inputsOf, type Step, type SumStep, type Value } from './steps.ts';

/**
 * Joins what one kernel does in one pass over a map: an activation with the sum before it, a sum with the
 * convolution or the channel scale that made what is added, and a stream's sum as soon as the stream is there,
 * so that streams are not kept side by side.
 */
export function fuseSteps({ input, output, steps }: RecordedNetwork): RecordedNetwork {
  const early = sumEarly(joinActivations(steps, output));
  return { input, output, steps: joinSums(early, output) };
}

/** How often each value is read; the network's output once more. */
function countReads(steps: readonly Step[], output: Value): Map<Value, number> {
  const reads = new Map([[output, 1]]);
  for (const step of steps) for (const value of inputsOf(step)) reads.set(value, (reads.get(value) ?? 0) + 1);
  return reads;
}

function joinActivations(steps: readonly Step[], output: Value): Step[] {
  const reads = countReads(steps, output);
  const joined: Step[] = [];
  for (const step of steps) {
    const place = step.kind === 'activation' ? joined.findIndex((known) => known.output === step.input) : -1;
    const before = joined[place];
    if (
      step.kind === 'activation' &&
      before?.kind === 'sum' &&
      reads.get(step.input) === 1 &&
      hasBounds(step.activation)
    ) {
      joined[place] = { ...before, activation: step.activation, output: step.output };
    } else {
      joined.push(step);
    }
  }
  return joined;
}

/** Whether an activation is no more than a lowest and a highest number. */
function hasBounds({ kind }: Activation): boolean {
  return kind === 'relu' || kind === 'relu6';
}

/** Moves every sum to right behind the step that makes the last of what it adds. */
function sumEarly(steps: readonly Step[]): Step[] {
  const ordered: Step[] = [];
  for (const step of steps) {
    if (step.kind !== 'sum') {
      ordered.push(step);
      continue;
    }
    const inputs = inputsOf(step);
    const last = ordered.findLastIndex(({ output }) => inputs.includes(output));
    ordered.splice(last + 1, 0, step);
  }
  return ordered;
}

function joinSums(steps: readonly Step[], output: Value): Step[] {
  const reads = countReads(steps, output);
  const joined: Step[] = [];
  for (const step of steps) {
    const last = joined.at(-1);
    const fused = step.kind === 'sum' && last !== undefined ? joinSum(last, step, reads) : undefined;
    if (fused === undefined) joined.push(step);
    else joined[joined.length - 1] = fused;
  }
  return joined;
}

function joinSum(last: Step, sum: SumStep, reads: ReadonlyMap<Value, number>): Step | undefined {
  const { input, addend, activation, output } = sum;
  if (last.output !== input && last.output !== addend) return undefined;
  const other = last.output === input ? addend : input;
  if (reads.get(last.output) !== 1) return undefined;
  if (last.kind === 'channel scale' && last.addend === undefined && activation === undefined) {
    return { ...last, addend: other, output };
  }
  if (last.kind === 'convolution' && last.addend === undefined && last.activation === undefined) {
    return { ...last, addend: other, activation, output };
  }
  return undefined;
}
