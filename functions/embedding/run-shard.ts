import type { ShardOrder } from '../evaluation/ledger.ts';
import type { Parts } from '../evaluation/stages/stage.ts';
import { PICTURE_SHARDS_PER_READ, PICTURES_PER_SHARD } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import { collectSet, UnusablePictures } from './collect-set.ts';
import { type EmbeddedPictures, embedShard } from './embed-shard.ts';
import type { EmbeddedSet } from './embedded-sets.ts';
import type { PictureOrder } from './picture-order.ts';

/** Reads what up to `limit` shards of the embedding stage left, from its number `first` on. */
export type ReadEmbedded = (first: number, limit: number) => Promise<readonly Parts[]>;

/** Embeds the pictures of a shard. Shards are numbered through all sets that are missing. */
export function embedPicturesOf(
  bindings: OwnedBindings,
  { order, start, count }: ShardOrder,
): Promise<Parts> {
  const { model, missing } = order.pictures as PictureOrder;
  let first = 0;
  for (const set of missing) {
    if (start < first + set.count) {
      return embedShard(bindings, set.sha256, model, { start: start - first, count });
    }
    first += set.count;
  }
  throw new RangeError(`There is no picture ${start} in ${missing.length} sets.`);
}

/** Puts the embeddings of one set together. The shard's number is that of the set among those that are missing. */
export async function collectPicturesOf(
  bindings: OwnedBindings,
  { order, start }: ShardOrder,
  read: ReadEmbedded,
): Promise<Parts> {
  const { model, missing } = order.pictures as PictureOrder;
  const shardsOf = ({ count }: { count: number }) => Math.ceil(count / PICTURES_PER_SHARD);
  const first = missing.slice(0, start).reduce((sum, set) => sum + shardsOf(set), 0);
  const set = missing[start];
  const shards = shardsFrom(read, first, shardsOf(set));
  try {
    const found = { [set.sha256]: await collectSet(bindings, set.sha256, model, shards) };
    return { found: new TextEncoder().encode(JSON.stringify(found)) };
  } catch (error) {
    // To try again would not help; so it is a finding, with which the evaluation fails.
    if (!(error instanceof UnusablePictures)) throw error;
    return { unusable: new TextEncoder().encode(error.message) };
  }
}

async function* shardsFrom(
  read: ReadEmbedded,
  first: number,
  count: number,
): AsyncGenerator<EmbeddedPictures, void, undefined> {
  for (let done = 0; done < count; ) {
    const parts = await read(first + done, Math.min(PICTURE_SHARDS_PER_READ, count - done));
    if (parts.length === 0) throw new RangeError(`Of ${count} shards of pictures ${done} are there.`);
    for (const { rows, problems } of parts) yield { rows, problems };
    done += parts.length;
  }
}

/** What the shards that put sets together left; or why one of the sets cannot be ranked. */
export function collectedSets(shards: Iterable<Parts>): Record<string, EmbeddedSet> | string {
  const sets: Record<string, EmbeddedSet> = {};
  for (const { found, unusable } of shards) {
    if (unusable !== undefined) return new TextDecoder().decode(unusable);
    Object.assign(sets, JSON.parse(new TextDecoder().decode(found)));
  }
  return sets;
}
