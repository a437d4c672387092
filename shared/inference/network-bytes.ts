import type { Architecture, InputSize } from '../models/layers.ts';
import { fuseSteps } from './fuse-steps.ts';
import { type FilterServing, weightBytes } from './layer-weights.ts';
import { planMemory } from './plan-memory.ts';
import { recordSteps } from './record-steps.ts';

/** Memory of an engine that a network takes. */
export interface NetworkBytes {
  /** While it is loaded. */
  readonly weights: number;
  /** For maps, while it runs, however many pictures it embeds. */
  readonly maps: number;
}

/** What a network will take of an engine's memory, before anything is allocated. */
export function networkBytes(
  architecture: Architecture,
  size: InputSize,
  serving: FilterServing,
): NetworkBytes {
  const network = fuseSteps(recordSteps(architecture, size));
  return { weights: weightBytes(network.steps, serving), maps: planMemory(network).bytes };
}
