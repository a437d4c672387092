import type { RecordedNetwork } from './record-steps.ts';
import { inputsOf, overwritable, type Step, type Value } from './steps.ts';

/** Where every map of a network lies in one stretch of memory. */
export interface MemoryPlan {
  readonly offsets: ReadonlyMap<Value, number>;
  readonly bytes: number;
}

const ALIGNMENT = 64;

/** Bytes of a map. */
export function bytesOf({ shape: [height, width, channels] }: Value): number {
  return 4 * height * width * channels;
}

/**
 * Gives every map the lowest place that no map has which is needed at the same time. A step writes over what it
 * reads for the last time, where its kernel allows that.
 */
export function planMemory({ input, output, steps }: RecordedNetwork): MemoryPlan {
  const lastReads = new Map<Value, number>([[input, 0]]);
  for (const [i, step] of steps.entries()) {
    for (const value of [...inputsOf(step), step.output]) lastReads.set(value, i);
  }
  lastReads.set(output, steps.length);

  const offsets = new Map<Value, number>();
  const live = new Set<Value>();
  let bytes = 0;
  const put = (value: Value) => {
    const offset = lowestGap(value, live, offsets);
    offsets.set(value, offset);
    live.add(value);
    bytes = Math.max(bytes, offset + bytesOf(value));
  };
  put(input);
  for (const [i, step] of steps.entries()) {
    if (!offsets.has(step.output)) {
      const taken = takenOver(step, i, lastReads, live);
      if (taken === undefined) {
        put(step.output);
      } else {
        offsets.set(step.output, offsets.get(taken) as number);
        live.delete(taken);
        live.add(step.output);
      }
    }
    for (const value of live) if ((lastReads.get(value) as number) <= i) live.delete(value);
  }
  return { offsets, bytes };
}

function takenOver(
  step: Step,
  index: number,
  lastReads: ReadonlyMap<Value, number>,
  live: ReadonlySet<Value>,
): Value | undefined {
  return overwritable(step).find((value) => lastReads.get(value) === index && live.has(value));
}

function lowestGap(value: Value, live: ReadonlySet<Value>, offsets: ReadonlyMap<Value, number>): number {
  const taken = [...live]
    .map((other) => ({ start: offsets.get(other) as number, bytes: bytesOf(other) }))
    .toSorted((a, b) => a.start - b.start);
  let start = 0;
  for (const other of taken) {
    if (start + bytesOf(value) <= other.start) break;
    start = Math.max(start, Math.ceil((other.start + other.bytes) / ALIGNMENT) * ALIGNMENT);
  }
  return start;
}
