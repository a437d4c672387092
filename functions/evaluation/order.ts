import { distanceNames } from '@softmargin/shared/metrics/distance.ts';
import { type SetRule, setProtocols } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { type ExclusionRule, exclusionRuleSchema } from '@softmargin/shared/metrics/exclusion-rule.ts';
import { reRankingSchema } from '@softmargin/shared/metrics/re-ranking-options.ts';
import { MAX_TOP_K } from '@softmargin/shared/metrics/top-lists.ts';
import * as z from 'zod';
import type { PictureOrder } from '../embedding/picture-order.ts';
import { MAX_REPEATS, MAX_RESAMPLES, MAX_RULE_CONDITIONS } from '../limits.ts';

const seedSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0);

/** A protocol by its name, or an exclusion rule as the command line's `--rule` reads it. */
const protocolSchema = z.unknown().transform((value, context): SetRule['protocol'] => {
  const isRule = typeof value === 'object' && value !== null;
  const parsed = isRule ? ruleOfRequest.safeParse(value) : z.enum(setProtocols).safeParse(value);
  if (parsed.success) return parsed.data;
  context.issues.push(...parsed.error.issues.map((issue) => ({ ...issue, input: value }) as never));
  return z.NEVER;
});

const ruleOfRequest: z.ZodType<ExclusionRule> = exclusionRuleSchema.refine(
  ({ drop }) => drop.length <= MAX_RULE_CONDITIONS,
  { path: ['drop'], message: `has more than ${MAX_RULE_CONDITIONS} conditions` },
);

/** How an evaluation ranks, and what it finds out beside. */
export const ruleSchema = z.strictObject({
  protocol: protocolSchema,
  distance: z.enum(distanceNames),
  /** For `cuhk03-classic`. */
  draws: z
    .strictObject({ repeats: z.int().min(1).max(MAX_REPEATS).default(10), seed: seedSchema })
    .optional(),
  /** Intervals of mAP, mINP and CMC-1 over resampled queries. */
  bootstrap: z
    .strictObject({
      resamples: z.int().min(1000).max(MAX_RESAMPLES).default(1000),
      seed: seedSchema,
      confidence: z.number().min(0.5).max(0.999).default(0.95),
    })
    .optional(),
  /** TAR at FAR, the ROC curve and the histogram of distances, over all pairs. */
  verification: z.boolean().default(false),
  /** Also ranks by k-reciprocal neighbours. */
  rerank: reRankingSchema.optional(),
  /** How many of each query's list are kept. */
  topK: z.int().min(0).max(MAX_TOP_K).default(0),
});

/** How an evaluation ranks, as an order and the catalogue have it. */
export type EvaluationRule = z.infer<typeof ruleSchema>;

/** What an evaluation ranks: contents by their SHA-256, and how. */
export interface EvaluationOrder extends EvaluationRule {
  /** Whose the contents are; not there of evaluations from before there were owners. */
  readonly owner?: string;
  readonly query: string;
  readonly gallery: string;
  /** Where a set is of pictures. Until they are embedded, it stands above by its pictures. */
  readonly pictures?: PictureOrder;
}

/** The rule of an order as the mathematics take it. */
export function setRuleOf({ protocol, distance, draws = { repeats: 10, seed: 0 } }: EvaluationRule): SetRule {
  return { protocol, distance, draws };
}

/** A protocol in words: its name, or that it is a rule. */
export function protocolName(protocol: SetRule['protocol']): string {
  return typeof protocol === 'string' ? protocol : 'a rule of its own';
}
