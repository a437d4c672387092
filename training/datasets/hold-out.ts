import type { ProtocolName } from '@softmargin/shared/metrics/protocols.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import * as z from 'zod';
import { type Dataset, type RankingSplit, subset } from './dataset.ts';

/** How a recipe says which identities are kept out of training to validate on. */
export const holdOutSchema = z.strictObject({
  /** How many; the seed draws them. */
  identities: z.int().min(1),
  seed: z.int().nonnegative().default(2020),
});

export type HoldOut = z.infer<typeof holdOutSchema>;

/**
 * Keeps some identities out of a training set, to rank their pictures each against the others.
 *
 * @param protocol `all`, or a rule that leaves out the query's own identity and camera: it leaves out the
 *   query too. A picture with no match in another camera is then a query that is skipped.
 * @throws {RangeError} if no identity would be left to train on.
 */
export function holdOutIdentities<Kind extends Dataset>(
  dataset: Kind,
  { identities: count, seed }: HoldOut,
  protocol: ProtocolName,
): { train: Kind; validation: RankingSplit } {
  const identities = [...new Set(dataset.identities)].sort((a, b) => a - b);
  if (count >= identities.length) {
    throw new RangeError(
      `${count} identities are to be held out; ${dataset.name} has ${identities.length} to train on.`,
    );
  }
  const drawn = createRandom(seed).permutation(identities.length).subarray(0, count);
  const held = new Set(Array.from(drawn, (index) => identities[index]));
  const [train, validation] = partition(dataset, (item) => held.has(dataset.identities[item]));
  return { train, validation: { query: validation, gallery: validation, protocol } };
}

/** The items that are not chosen, and those that are. */
export function partition<Kind extends Dataset>(
  dataset: Kind,
  chosen: (item: number) => boolean,
): [Kind, Kind] {
  const items = Array.from({ length: dataset.count }, (_, item) => item);
  return [
    subset(
      dataset,
      items.filter((item) => !chosen(item)),
    ),
    subset(dataset, items.filter(chosen)),
  ];
}
