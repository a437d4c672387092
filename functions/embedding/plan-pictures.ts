import type { EvaluationOrder } from '../evaluation/order.ts';
import { PlanError, type PlannedStage } from '../evaluation/plan.ts';
import { MAX_SHARDS, PICTURE_SHARD_MS, PICTURES_PER_SHARD } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import { PictureContent } from '../sets/picture-content.ts';
import { type EmbeddedSet, findEmbeddedSet } from './embedded-sets.ts';
import { isEmbedded, type PictureOrder, type PicturesToEmbed, picturesOf } from './picture-order.ts';
import { cutPictures } from './picture-shards.ts';

/** An order with the embeddings of its pictures in their place, where all of them are there. */
export function withEmbeddings(
  order: EvaluationOrder,
  found: Readonly<Record<string, EmbeddedSet>>,
): EvaluationOrder {
  if (order.pictures === undefined) return order;
  const pictures: PictureOrder = { ...order.pictures, embedded: { ...order.pictures.embedded, ...found } };
  if (!isEmbedded(pictures)) return { ...order, pictures };
  const rankable = (sha256: string, isPictures: boolean) =>
    isPictures ? pictures.embedded[sha256].sha256 : sha256;
  return {
    ...order,
    query: rankable(order.query, pictures.query !== undefined),
    gallery: rankable(order.gallery, pictures.gallery !== undefined),
    pictures,
  };
}

/**
 * Plans what comes before the ranking of pictures: embedding those that the model did not embed before, and putting
 * the embeddings of each set together.
 *
 * @returns the order that the stages belong to; no stages where nothing is left to embed.
 * @throws {PlanError} where there would be too many shards.
 */
export async function planPictures(
  bindings: Pick<OwnedBindings, 'STORE' | 'CATALOGUE' | 'owner'>,
  order: EvaluationOrder,
): Promise<{ order: EvaluationOrder; stages: readonly PlannedStage[] }> {
  if (order.pictures === undefined) return { order, stages: [] };
  const found: Record<string, EmbeddedSet> = {};
  const missing: PicturesToEmbed[] = [];
  for (const sha256 of picturesOf(order.pictures)) {
    const known = await findEmbeddedSet(bindings, sha256, order.pictures.model.sha256);
    if (known !== undefined) found[sha256] = known;
    else missing.push({ sha256, count: (await PictureContent.open(bindings.STORE, sha256)).count });
  }
  const planned = withEmbeddings({ ...order, pictures: { ...order.pictures, missing } }, found);
  if (missing.length === 0) return { order: planned, stages: [] };
  const pictures = missing.reduce((sum, { count }) => sum + count, 0);
  const shards = missing.reduce((sum, { count }) => sum + Math.ceil(count / PICTURES_PER_SHARD), 0);
  if (shards > MAX_SHARDS) {
    throw new PlanError(
      'gallery',
      'evaluation_too_large',
      `${pictures} pictures are to be embedded, in ${shards} shards of ${PICTURES_PER_SHARD}; one evaluation may have ${MAX_SHARDS}.`,
    );
  }
  const firsts = missing.map((_, i) => missing.slice(0, i).reduce((sum, { count }) => sum + count, 0));
  const shape = {
    engine: 'network',
    workPerItem: 0,
    reads: { query: 0, gallery: 0 },
    shardMs: PICTURE_SHARD_MS,
  } as const;
  return {
    order: planned,
    stages: [
      {
        stage: 'embedding',
        shards: missing.flatMap(({ count }, i) => cutPictures(count, firsts[i])),
        ...shape,
      },
      { stage: 'collection', shards: missing.map((_, i) => ({ start: i, count: 1 })), ...shape },
    ],
  };
}
