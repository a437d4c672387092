import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import { SetError } from '@softmargin/shared/sets/embedding-set.ts';
import { MAX_REPORTED_PICTURES } from '../limits.ts';
import type { StoredContent } from './catalogue.ts';
import { joinLabels } from './content.ts';
import { bytesOf, type ContentStore, putObject } from './content-store.ts';
import { type PictureEntry, type PicturePage, storePictureIndex } from './picture-content.ts';

/** A picture that is in no ranking, and why. */
export interface FailedPicture {
  /** Its place in the set of pictures. */
  readonly index: number;
  readonly path: string;
  readonly message: string;
  readonly code: string;
}

/** What there is to say of the pictures of a set, or of a part of one: they are taken one page after the other. */
export class PictureSummary {
  count = 0;
  /** Of their files. */
  bytes = 0;
  /** Pictures that could not be read. */
  failed = 0;
  /** The first of those. */
  readonly errors: FailedPicture[] = [];
  /** SHA-256 of the blocks that files lie in. */
  readonly blocks = new Set<string>();

  take(entries: readonly PictureEntry[]): void {
    for (const { path, place, problem } of entries) {
      const index = this.count++;
      if (problem === undefined) {
        this.bytes += place.bytes;
        this.blocks.add(place.block);
        continue;
      }
      this.failed++;
      const { message, code } = problem;
      if (this.errors.length < MAX_REPORTED_PICTURES) this.errors.push({ index, path, message, code });
    }
  }
}

/**
 * Stores the labels and the index of pictures that are stored: the content is whole with them.
 *
 * @throws {SetError} where not one picture can be read.
 */
export async function storePictures(
  store: ContentStore,
  pages: readonly PicturePage[],
  { count, bytes, failed, errors, blocks }: PictureSummary,
  labels: Labels,
): Promise<StoredContent> {
  if (failed === count) {
    const [{ path, message }] = errors;
    throw new SetError('body', `None of the ${count} pictures can be read. The first, ${path}: ${message}`);
  }
  const labelsObject = await putObject(store, bytesOf(joinLabels(labels)));
  const sha256 = await storePictureIndex(store, { count, pages: [...pages], labels: labelsObject });
  const objects = [...blocks, ...pages.map((page) => page.sha256), labelsObject, sha256];
  return { kind: 'pictures', sha256, count, dimension: 0, brokenPictures: failed, bytes, labels, objects };
}
