import * as z from 'zod';

/** The most neighbours that are asked for: beyond, encodings are no longer sparse. */
export const MAX_NEIGHBOURS = 1000;

/** The options of k-reciprocal re-ranking, by default the paper's choice. */
export const reRankingSchema = z.strictObject({
  /** Neighbours among which reciprocal ones are looked for. */
  k1: z.int().min(1).max(MAX_NEIGHBOURS).default(20),
  /** Neighbours whose encodings are averaged: local query expansion. 1 is none. */
  k2: z.int().min(1).max(MAX_NEIGHBOURS).default(6),
  /** Share of the original distance in the final one. */
  lambda: z.number().min(0).max(1).default(0.3),
});

export type ReRankingOptions = z.infer<typeof reRankingSchema>;

export const reRankingDefaults: ReRankingOptions = reRankingSchema.parse({});

/** Neighbours of each of `count` items that re-ranking needs. */
export function neighbourCount(count: number, { k1, k2 }: ReRankingOptions): number {
  return Math.min(count, Math.max(k1 + 1, k2));
}

/** The most columns that the encoding of one of `count` items can have. */
export function encodedCapacity(count: number, { k1 }: ReRankingOptions): number {
  const reciprocal = Math.min(count, k1 + 1);
  // The neighbours of a reciprocal neighbour join where more than two thirds of them are there already:
  // fewer than a third are new. There are k1 / 2 + 1 of them, k1 / 2 rounded up at most.
  const joined = Math.ceil((Math.ceil(k1 / 2) + 1) / 3) - 1;
  return Math.min(count, reciprocal * (1 + joined));
}
