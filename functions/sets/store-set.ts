import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import type { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { type EmbeddingSet, SetError } from '@softmargin/shared/sets/embedding-set.ts';
import { parseJsonSet } from '@softmargin/shared/sets/json.ts';
import { parseJson } from '../body.ts';
import type { Bindings } from '../environment.ts';
import { ApiError } from '../errors.ts';
import { BODY_LIFETIME_MS, MAX_JSON_SET_BYTES, MAX_SET_BODY_BYTES } from '../limits.ts';
import { BlockWriter } from './block-writer.ts';
import { publishSet, type StoredContent, type StoredSet } from './catalogue.ts';
import { joinLabels, storeIndex } from './content.ts';
import { bytesOf, type ContentStore, putObject } from './content-store.ts';
import { closeHolder, HeldStore, openHolder, sweep, uploadGone } from './holds.ts';
import { checkLabels, isNpy, isZip, readSetBody, type StoredFeatures } from './set-body.ts';

/**
 * Stores the set that one body holds, `.npz` or JSON, and gives it a name; one of that name before it is
 * replaced. Until all of it is stored and checked, nothing of it is to be seen.
 */
export async function storeSet(
  bindings: Bindings,
  name: string,
  body: ByteReader,
): Promise<{ description: StoredSet; created: boolean }> {
  const holder = crypto.randomUUID();
  await openHolder(bindings, holder, Date.now() + BODY_LIFETIME_MS);
  try {
    const content = await storeBody(new HeldStore(bindings, holder), body);
    const published = await publishSet(bindings, name, content, holder, 0);
    if (published === undefined) throw uploadGone(holder);
    return published;
  } finally {
    await closeHolder(bindings, holder);
    await sweep(bindings);
  }
}

/** Stores the labels and the index of features that are stored: the content is whole with them. */
export async function storeRest(
  store: ContentStore,
  { count, dimension, blocks }: StoredFeatures,
  labels: Labels,
): Promise<StoredContent> {
  const labelsObject = await putObject(store, bytesOf(joinLabels(labels)));
  const sha256 = await storeIndex(store, { count, dimension, blocks, labels: labelsObject });
  return { sha256, count, dimension, labels, objects: [...blocks, labelsObject, sha256] };
}

async function storeBody(store: ContentStore, body: ByteReader): Promise<StoredContent> {
  const first = await body.take(2);
  body.unread(first);
  if (!isZip(first) && !isNpy(first)) return storeContent(store, await readJsonSet(body));
  const { features, identities, cameras } = await readSetBody(body, store);
  if (features === undefined) throw new SetError('features', 'The archive has no array "features".');
  return storeRest(store, features, {
    identities: checkLabels('identities', identities, features.count),
    cameras: checkLabels('cameras', cameras, features.count),
  });
}

/** Stores a set that is in memory. */
export async function storeContent(store: ContentStore, set: EmbeddingSet): Promise<StoredContent> {
  const { count, dimension, features } = set;
  const writer = new BlockWriter(store, count, dimension);
  await writer.write(features);
  return storeRest(store, { count, dimension, blocks: await writer.end() }, set);
}

async function readJsonSet(body: ByteReader): Promise<EmbeddingSet> {
  const bytes = await body.take(MAX_JSON_SET_BYTES + 1);
  const first = bytes.find((byte) => byte > 0x20);
  if (first !== undefined && first !== '{'.charCodeAt(0)) {
    throw new SetError(
      'body',
      'The body is neither an .npz archive (it does not begin with PK) nor a JSON object.',
    );
  }
  if (bytes.length > MAX_JSON_SET_BYTES) {
    throw new ApiError(413, {
      message: `A set as JSON may have up to ${MAX_JSON_SET_BYTES} bytes, this one has more. Send it as .npz, which may have ${MAX_SET_BODY_BYTES} bytes.`,
      code: 'body_too_large',
    });
  }
  return parseJsonSet(parseJson(bytes));
}
