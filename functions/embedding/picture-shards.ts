import type { Shard } from '@softmargin/shared/metrics/shards.ts';
import { PICTURES_PER_SHARD } from '../limits.ts';

/** Cuts the pictures of a set into shards, numbered from `first` on: how they are cut changes no bit of an embedding. */
export function cutPictures(count: number, first: number): Shard[] {
  const shards: Shard[] = [];
  for (let start = 0; start < count; start += PICTURES_PER_SHARD) {
    shards.push({ start: first + start, count: Math.min(PICTURES_PER_SHARD, count - start) });
  }
  return shards;
}
