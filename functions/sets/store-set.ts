import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import type { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { type EmbeddingSet, SetError } from '@softmargin/shared/sets/embedding-set.ts';
import type { Side } from '@softmargin/shared/sets/field-names.ts';
import { parseJsonSet } from '@softmargin/shared/sets/json.ts';
import type { PictureNaming } from '@softmargin/shared/sets/picture-names.ts';
import { parseJson } from '../body.ts';
import { ApiError } from '../errors.ts';
import { checkStorage } from '../keys/quotas.ts';
import { BODY_LIFETIME_MS, MAX_JSON_SET_BYTES, MAX_SET_BODY_BYTES } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import { BlockWriter, type StoredFeatures } from './block-writer.ts';
import { FORMAT_BYTES, formatOf } from './body-format.ts';
import { publishSet, type StoredContent, type StoredSet } from './catalogue.ts';
import { joinLabels, storeIndex } from './content.ts';
import { bytesOf, type ContentStore, putObject } from './content-store.ts';
import { closeHolder, HeldStore, openHolder, sweep, uploadGone } from './holds.ts';
import { PictureCollector } from './picture-collector.ts';
import { storePicturePages } from './picture-content.ts';
import { labelsMissing } from './picture-labels.ts';
import { checkLabels, readSetBody } from './set-body.ts';
import { type FailedPicture, PictureSummary, storePictures } from './store-pictures.ts';

/** How a body is to be read, where it does not say so itself. */
export interface BodyReading {
  readonly side: Side | undefined;
  readonly naming: PictureNaming | undefined;
  /** Of a form. */
  readonly boundary: string | undefined;
}

/** A set that was stored, and the first of its pictures that could not be read. */
export interface Stored {
  readonly description: StoredSet;
  readonly created: boolean;
  readonly errors: readonly FailedPicture[];
}

/**
 * Stores the set that one body holds and gives it a name; one of that name before it is replaced. Until all of it
 * is stored and checked, nothing of it is to be seen.
 */
export async function storeSet(
  bindings: OwnedBindings,
  name: string,
  body: ByteReader,
  reading: BodyReading,
): Promise<Stored> {
  const holder = crypto.randomUUID();
  await openHolder(bindings, holder, Date.now() + BODY_LIFETIME_MS);
  try {
    // Before the body is taken: one that could be replaced makes room.
    await checkStorage(bindings, { sets: 1, vectors: 1, bytes: 0 }, { sets: 'name = ?2' }, name);
    const { content, errors } = await storeBody(new HeldStore(bindings, holder), body, reading);
    const published = await publishSet(bindings, name, content, holder, 0);
    if (published === undefined) throw uploadGone(holder);
    return { ...published, errors };
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
  const objects = [...blocks, labelsObject, sha256];
  const bytes = Float32Array.BYTES_PER_ELEMENT * count * dimension;
  return { kind: 'embeddings', sha256, count, dimension, brokenPictures: 0, bytes, labels, objects };
}

async function storeBody(
  store: ContentStore,
  body: ByteReader,
  { side, naming, boundary }: BodyReading,
): Promise<{ content: StoredContent; errors: readonly FailedPicture[] }> {
  const first = await body.take(FORMAT_BYTES);
  body.unread(first);
  if (boundary === undefined && (formatOf(first) === 'json' || first.length < 2)) {
    return { content: await storeContent(store, await readJsonSet(body)), errors: [] };
  }
  const pictures = new PictureCollector(store, naming);
  const { features, labels } = await readSetBody(body, store, { side, boundary, pictures });
  if (features !== undefined && pictures.found) {
    throw new SetError('body', 'The body has features and pictures; a set is of one or of the other.');
  }
  if (features !== undefined) {
    const content = await storeRest(store, features, checkLabels(labels, features.count));
    return { content, errors: [] };
  }
  if (!pictures.found && Object.keys(labels).length > 0) {
    throw new SetError('features', 'The body has no array "features".');
  }
  return storeCollected(store, pictures);
}

async function storeCollected(
  store: ContentStore,
  collector: PictureCollector,
): Promise<{ content: StoredContent; errors: readonly FailedPicture[] }> {
  const { entries, labels } = await collector.end();
  if (entries.length === 0) {
    throw new SetError(
      'body',
      'The body has no arrays "features", "identities", "cameras", and no pictures.',
    );
  }
  if (labels === undefined) throw labelsMissing('?names=');
  const summary = new PictureSummary();
  summary.take(entries);
  const pages = await storePicturePages(store, entries);
  return { content: await storePictures(store, pages, summary, labels), errors: summary.errors };
}

/** Stores a set that is in memory. */
export async function storeContent(store: ContentStore, set: EmbeddingSet): Promise<StoredContent> {
  const { count, dimension, features } = set;
  const writer = new BlockWriter(store, dimension, count);
  await writer.write(features);
  return storeRest(store, await writer.end(), set);
}

async function readJsonSet(body: ByteReader): Promise<EmbeddingSet> {
  const bytes = await body.take(MAX_JSON_SET_BYTES + 1);
  if (bytes.length > MAX_JSON_SET_BYTES) {
    throw new ApiError(413, {
      message: `A set as JSON may have up to ${MAX_JSON_SET_BYTES} bytes, this one has more. Send it as .npz, which may have ${MAX_SET_BODY_BYTES} bytes.`,
      code: 'body_too_large',
    });
  }
  return parseJsonSet(parseJson(bytes));
}
