import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import { SetError } from '@softmargin/shared/sets/embedding-set.ts';
import { ApiError } from '../errors.ts';
import type { ObjectStore, OwnedBindings } from '../owners.ts';
import { rowsPerBlockOf } from './block-writer.ts';
import { publishSet, type StoredContent, type StoredSet } from './catalogue.ts';
import { readLabelsOf } from './content.ts';
import { closeHolder, HeldStore, sweep } from './holds.ts';
import { checkLabels, type GivenLabels } from './set-body.ts';
import { storeRest } from './store-set.ts';
import { type EmbeddingsUpload, listParts, type Upload, type UploadPart } from './uploads.ts';

/** What completes an upload: the content's hash where the caller knows it, labels where no part had them. */
export interface Completion {
  readonly sha256: string | undefined;
  readonly labels: GivenLabels;
}

/** Makes a set of embeddings of an upload whose parts are all there. Where something is missing, the upload goes on. */
export async function completeUpload(
  bindings: OwnedBindings,
  upload: EmbeddingsUpload,
  completion: Completion,
): Promise<{ description: StoredSet; created: boolean }> {
  const { id, count, dimension } = upload;
  const parts = await listParts(bindings, id);
  checkParts(upload, parts);
  const labels = await gatherLabels(bindings, count, parts, completion);
  const blocks = parts.flatMap((part) => part.blocks);
  const content = await storeRest(new HeldStore(bindings, id), { count, dimension, blocks }, labels);
  return publishUpload(bindings, upload, content, completion.sha256);
}

/**
 * Makes a stored content the set of an upload, which ends with it.
 *
 * @throws {ApiError} 422 where it is not the content that was announced, 409 where a part was replaced meanwhile.
 */
export async function publishUpload(
  bindings: OwnedBindings,
  { id, set, revision }: Upload,
  content: StoredContent,
  announced: string | undefined,
): Promise<{ description: StoredSet; created: boolean }> {
  if (announced !== undefined && announced !== content.sha256) {
    throw new ApiError(422, {
      message: `sha256: ${announced} was expected; what was uploaded has ${content.sha256}. Parts can be sent again.`,
      param: 'sha256',
      code: 'hash_mismatch',
    });
  }
  const published = await publishSet(bindings, set, content, id, revision);
  if (published === undefined) {
    throw new ApiError(409, {
      message:
        'parts: a part was replaced, or the upload was ended, while it was completed. Look at it and complete it again.',
      param: 'parts',
      code: 'upload_changed',
    });
  }
  await closeHolder(bindings, id);
  await sweep(bindings);
  return published;
}

/** Refuses parts of which one is missing, or that are not as many together. @param what a part's rows are. */
export function checkCount(count: number, parts: readonly UploadPart[], what: string): void {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  for (const [i, { part }] of parts.entries()) {
    if (part !== i + 1) throw incomplete(`part ${i + 1} is missing; ${rows} of ${count} ${what} are there.`);
  }
  if (rows !== count) throw incomplete(`${rows} of ${count} ${what} are there.`);
}

function incomplete(message: string): ApiError {
  return new ApiError(409, { message: `parts: ${message}`, param: 'parts', code: 'upload_incomplete' });
}

function checkParts({ count, dimension }: EmbeddingsUpload, parts: readonly UploadPart[]): void {
  const multiple = rowsPerBlockOf(dimension);
  const broken = parts.slice(0, -1).find((part) => part.rows % multiple !== 0);
  const missing = parts.some(({ part }, i) => part !== i + 1);
  if (broken !== undefined && !missing) {
    throw incomplete(
      `part ${broken.part} has ${broken.rows} rows; every part but the last has a multiple of ${multiple}.`,
    );
  }
  checkCount(count, parts, 'rows');
}

/** The labels of the whole set: of the parts, or of the completion, and never of both. */
async function gatherLabels(
  { STORE }: OwnedBindings,
  count: number,
  parts: readonly UploadPart[],
  { labels: given }: Completion,
): Promise<Labels> {
  const [param] = Object.keys(given);
  if (param !== undefined) {
    refuseLabelled(parts, param);
    return checkLabels(given, count);
  }
  const unlabelled = parts.find(({ labels }) => labels === null);
  if (unlabelled !== undefined) {
    throw new SetError(
      'identities',
      `identities: part ${unlabelled.part} came without labels, and so did the completion.`,
    );
  }
  return joinParts(STORE, count, parts);
}

/** @throws {SetError} where a part came with labels, though they came at completion. */
export function refuseLabelled(parts: readonly UploadPart[], param: string): void {
  const labelled = parts.find(({ labels }) => labels !== null);
  if (labelled === undefined) return;
  throw new SetError(
    param,
    `Labels came at completion and with part ${labelled.part}; send them with every part or at completion.`,
  );
}

/** The labels of parts that all have them, one part after the other. */
export async function joinParts(
  store: ObjectStore,
  count: number,
  parts: readonly UploadPart[],
): Promise<Labels> {
  const joined = { identities: new Int32Array(count), cameras: new Int32Array(count) };
  let groups: Int32Array | undefined;
  let start = 0;
  for (const { part, rows, labels } of parts) {
    const found = await readLabelsOf(store, String(labels), rows, `part ${part}`);
    joined.identities.set(found.identities, start);
    joined.cameras.set(found.cameras, start);
    if (start === 0 && found.groups !== undefined) groups = new Int32Array(count);
    if ((found.groups === undefined) !== (groups === undefined)) {
      throw new SetError(
        'groups',
        `groups: part 1 and part ${part} differ: one has groups, the other has none.`,
      );
    }
    if (found.groups !== undefined) groups?.set(found.groups, start);
    start += rows;
  }
  return { ...joined, ...(groups !== undefined && { groups }) };
}
