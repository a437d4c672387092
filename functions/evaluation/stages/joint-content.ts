import type { EmbeddingBlock } from '@softmargin/shared/metrics/blocks.ts';
import type { JointSource } from '@softmargin/shared/metrics/joint-distances.ts';
import { MAX_TILE_ROWS } from '../../limits.ts';
import type { Assignment } from './stage.ts';

/** Rows of a shard by their place in both sets together, queries first. The shard is of one of them. */
export async function jointRows({ shard, query, gallery }: Assignment): Promise<EmbeddingBlock> {
  const queries = query.index.count;
  if (shard.start < queries) return query.rows(shard.start, shard.count);
  const rows = await gallery.rows(shard.start - queries, shard.count);
  return { ...rows, start: shard.start };
}

/** Both sets, read in tiles of few rows: what re-ranking holds of a tile grows with them. */
export function jointSource({ query, gallery }: Pick<Assignment, 'query' | 'gallery'>): JointSource {
  return { queries: query.tiles(MAX_TILE_ROWS), gallery: gallery.tiles(MAX_TILE_ROWS) };
}
