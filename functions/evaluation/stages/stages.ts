import { encodings } from './encodings.ts';
import { neighbours } from './neighbours.ts';
import { pairs } from './pairs.ts';
import { ranking } from './ranking.ts';
import { reRanking } from './re-ranking.ts';
import type { Stage } from './stage.ts';

/** The stages of an evaluation by name, in the order in which they run. */
export const stages = {
  ranking,
  pairs,
  neighbours,
  encodings,
  're-ranking': reRanking,
} as const satisfies Record<string, Stage>;

export type StageName = keyof typeof stages;

export const stageNames = Object.keys(stages) as StageName[];
