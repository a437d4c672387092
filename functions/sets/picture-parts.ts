import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import type { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { SetError } from '@softmargin/shared/sets/embedding-set.ts';
import { MAX_SET_PICTURE_BYTES, MAX_SET_PICTURES } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import type { StoredSet } from './catalogue.ts';
import { checkCount, joinParts, publishUpload, refuseLabelled } from './complete-upload.ts';
import { joinLabels } from './content.ts';
import { bytesOf, putObject, sha256Of } from './content-store.ts';
import { HeldStore } from './holds.ts';
import { PictureCollector } from './picture-collector.ts';
import { type PicturePage, readPicturePages, storePicturePages } from './picture-content.ts';
import { labelsMissing, PathLabels, PicturePaths } from './picture-labels.ts';
import { type PictureTaker, readSetBody, type SetBodyOptions } from './set-body.ts';
import { type FailedPicture, PictureSummary, storePictures } from './store-pictures.ts';
import { listParts, type PicturesUpload, storeHeld, type UploadPart } from './uploads.ts';

/** A part of a set of pictures, with the first of its pictures that could not be read. */
export interface PicturePart extends UploadPart {
  readonly errors: readonly FailedPicture[];
}

/** Stores one part of an upload of pictures. Until all of it is stored, the part before it stands. */
export function storePicturePart(
  bindings: OwnedBindings,
  upload: PicturesUpload,
  part: number,
  body: ByteReader,
  { boundary }: Pick<SetBodyOptions, 'boundary'>,
): Promise<{ stored: PicturePart; created: boolean }> {
  const fail = (message: string) => new SetError('pictures', `pictures of part ${part}: ${message}`);
  const accept = () => {
    throw new SetError('features', `Part ${part} has features; the upload was begun for pictures.`);
  };
  return storeHeld(bindings, upload, async (store) => {
    const collector = new PictureCollector(store, upload.names);
    await readSetBody(body, store, { boundary, pictures: collector, accept });
    const { entries, labels } = await collector.end();
    if (entries.length === 0) throw fail('there are none in it.');
    if (entries.length > upload.count) {
      throw fail(`${entries.length} pictures; the whole upload was begun with count ${upload.count}.`);
    }
    const summary = new PictureSummary();
    summary.take(entries);
    await checkRoom(bindings, upload, part, summary.bytes);
    const blocks = (await storePicturePages(store, entries)).map((page) => page.sha256);
    const labelsObject = labels === undefined ? null : await putObject(store, bytesOf(joinLabels(labels)));
    const sha256 = await sha256Of(
      new TextEncoder().encode(JSON.stringify({ pages: blocks, labels: labelsObject })),
    );
    const { count: rows, bytes, errors } = summary;
    return { part, rows, sha256, blocks, labels: labelsObject, bytes, errors };
  });
}

/** Refuses a part with which a set would be larger than one may be. */
async function checkRoom(
  bindings: OwnedBindings,
  upload: PicturesUpload,
  part: number,
  bytes: number,
): Promise<void> {
  const parts = await listParts(bindings, upload.id);
  const replaced = parts.find((known) => known.part === part)?.bytes ?? 0;
  const others = parts.reduce((sum, known) => sum + known.bytes, 0) - replaced;
  checkSetBytes(others + bytes, `pictures of part ${part}: with its ${bytes} bytes`);
}

function checkSetBytes(bytes: number, what: string): void {
  if (bytes <= MAX_SET_PICTURE_BYTES) return;
  throw new SetError(
    'pictures',
    `${what} the set would have ${bytes} bytes of pictures; one may have ${MAX_SET_PICTURE_BYTES}.`,
  );
}

/** Takes a table of labels at completion, and no picture. */
export class CompletionTable implements PictureTaker {
  readonly found = true;
  table: string | undefined;

  visit(path: string): never {
    throw new SetError('pictures', `pictures: ${path}: pictures come in parts, not at completion.`);
  }

  takeLabels(table: string): void {
    this.table = table;
  }
}

/**
 * Makes a set of pictures of an upload whose parts are all there. Where something is missing, the upload goes on.
 *
 * @param table labels as CSV with the paths of all pictures, where no part had labels.
 * @throws {SetError} where two parts have a picture of one path.
 */
export async function completePictureUpload(
  bindings: OwnedBindings,
  upload: PicturesUpload,
  { sha256, table }: { readonly sha256: string | undefined; readonly table: string | undefined },
): Promise<{ description: StoredSet; created: boolean; errors: readonly FailedPicture[] }> {
  const parts = await listParts(bindings, upload.id);
  checkCount(upload.count, parts, 'pictures');
  // Parts that came at the same time did not see each other.
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  checkSetBytes(bytes, `pictures: of ${parts.length} parts`);
  const byPath = table === undefined ? undefined : new PathLabels(table, MAX_SET_PICTURES);
  if (byPath !== undefined) refuseLabelled(parts, 'labels');
  else if (parts.some(({ labels }) => labels === null))
    throw labelsMissing('"names" where the upload begins: ');
  const { pages, summary } = await readParts(bindings, parts, (path) => byPath?.take(path));
  const labels: Labels = byPath?.end() ?? (await joinParts(bindings.STORE, upload.count, parts));
  const content = await storePictures(new HeldStore(bindings, upload.id), pages, summary, labels);
  return { ...(await publishUpload(bindings, upload, content, sha256)), errors: summary.errors };
}

/** Reads the pages of all parts, one part after the other. @param take is shown every path. */
async function readParts(
  { STORE }: Pick<OwnedBindings, 'STORE'>,
  parts: readonly UploadPart[],
  take: (path: string) => void,
): Promise<{ pages: PicturePage[]; summary: PictureSummary }> {
  const paths = new PicturePaths();
  const pages: PicturePage[] = [];
  const summary = new PictureSummary();
  const digests = parts.flatMap(({ part, blocks }) => blocks.map((sha256) => ({ part, sha256 })));
  const tables = readPicturePages(
    STORE,
    digests.map(({ sha256 }) => sha256),
    'an upload',
  );
  for await (const entries of tables) {
    const { part, sha256 } = digests[pages.length];
    for (const { path } of entries) {
      const before = paths.add(path, part);
      if (before !== undefined) {
        throw new SetError(
          'parts',
          `parts: ${path} is in part ${before} and in part ${part}; a path is there once. Send one of them again without it.`,
        );
      }
      take(path);
    }
    summary.take(entries);
    pages.push({ count: entries.length, sha256 });
  }
  return { pages, summary };
}
