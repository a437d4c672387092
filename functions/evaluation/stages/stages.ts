import { pictureSteps } from '../../embedding/steps.ts';
import { counts } from './counts.ts';
import { encodings } from './encodings.ts';
import { matches } from './matches.ts';
import { neighbours } from './neighbours.ts';
import { pairs } from './pairs.ts';
import { ranking } from './ranking.ts';
import { reRanking } from './re-ranking.ts';
import type { Stage, Step } from './stage.ts';

/** The stages of a ranking by name, in the order in which they run. */
export const stages = {
  matches,
  counts,
  ranking,
  pairs,
  neighbours,
  encodings,
  're-ranking': reRanking,
} as const satisfies Record<string, Stage>;

export type RankingStageName = keyof typeof stages;

export const stageNames = Object.keys(stages) as RankingStageName[];

/** A stage of an evaluation: of its ranking, or before it. */
export type StageName = RankingStageName | keyof typeof pictureSteps;

/** What is known of every stage. */
export const steps: Readonly<Record<StageName, Step>> = { ...pictureSteps, ...stages };
