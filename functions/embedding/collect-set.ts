import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import { COLLECTION_LIFETIME_MS, MAX_REPORTED_PICTURES } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import { BlockWriter } from '../sets/block-writer.ts';
import { closeHolder, HeldStore, openHolder } from '../sets/holds.ts';
import { PictureContent } from '../sets/picture-content.ts';
import type { FailedPicture } from '../sets/store-pictures.ts';
import { storeRest } from '../sets/store-set.ts';
import { type EmbeddedPictures, parseProblems } from './embedded-pictures.ts';
import { type EmbeddedSet, findEmbeddedSet, recordEmbeddedSet } from './embedded-sets.ts';

/** A set of pictures that a model can embed none of. */
export class UnusablePictures extends Error {
  override readonly name = 'UnusablePictures';
}

/**
 * Makes a content of the embeddings of a set's pictures, in their order, with the labels of those that have one.
 * Done twice, it is the same content. Of the embeddings, those of a few shards are in memory.
 *
 * @param shards what the shards of this set left, in their order.
 * @throws {UnusablePictures} where none has an embedding.
 */
export async function collectSet(
  bindings: OwnedBindings,
  pictures: string,
  model: { readonly sha256: string; readonly dimension: number },
  shards: AsyncIterable<EmbeddedPictures>,
): Promise<EmbeddedSet> {
  const known = await findEmbeddedSet(bindings, pictures, model.sha256);
  if (known !== undefined) return known;
  const holder = crypto.randomUUID();
  await openHolder(bindings, holder, Date.now() + COLLECTION_LIFETIME_MS);
  try {
    const store = new HeldStore(bindings, holder);
    const writer = new BlockWriter(store, model.dimension);
    const failed = new Set<number>();
    const errors: FailedPicture[] = [];
    for await (const shard of shards) {
      const bytes = shard.rows.slice();
      await writer.write(new Float32Array(bytes.buffer));
      for (const problem of parseProblems(shard)) {
        failed.add(problem.index);
        if (errors.length < MAX_REPORTED_PICTURES) errors.push(problem);
      }
    }
    const labels = await (await PictureContent.open(bindings.STORE, pictures)).labels();
    const features = await writer.end();
    const [first] = errors;
    if (features.count === 0 && first !== undefined) {
      throw new UnusablePictures(
        `None of the ${failed.size} pictures could be embedded. The first, ${first.path}: ${first.message}`,
      );
    }
    const content = await storeRest(store, features, without(labels, failed));
    const found = { count: features.count, failed: failed.size, errors };
    await recordEmbeddedSet(bindings, pictures, model.sha256, content, found, holder);
    return { sha256: content.sha256, ...found };
  } catch (error) {
    await closeHolder(bindings, holder);
    throw error;
  }
}

function without(labels: Labels, failed: ReadonlySet<number>): Labels {
  const keep = (column: Int32Array) => column.filter((_, index) => !failed.has(index));
  return {
    identities: keep(labels.identities),
    cameras: keep(labels.cameras),
    ...(labels.groups !== undefined && { groups: keep(labels.groups) }),
  };
}
