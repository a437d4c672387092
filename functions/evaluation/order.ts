import { distanceNames } from '@softmargin/shared/metrics/distance.ts';
import { protocolNames } from '@softmargin/shared/metrics/protocols.ts';
import * as z from 'zod';

/** How an evaluation ranks. */
export const ruleSchema = z.strictObject({
  protocol: z.enum(protocolNames),
  distance: z.enum(distanceNames),
});

/** What an evaluation ranks: contents by their SHA-256, and how. */
export interface EvaluationOrder extends z.infer<typeof ruleSchema> {
  readonly query: string;
  readonly gallery: string;
}

/** A shard as its worker gets it. */
export interface ShardOrder extends EvaluationOrder {
  readonly start: number;
  readonly count: number;
}
