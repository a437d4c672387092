import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import { SetError } from '@softmargin/shared/sets/embedding-set.ts';
import { type LabelTable, parseLabelTable } from '@softmargin/shared/sets/label-table.ts';
import {
  type PictureNaming,
  parsePictureName,
  pictureNamings,
} from '@softmargin/shared/sets/picture-names.ts';
import { MAX_PATHS_BYTES } from '../limits.ts';

/** The paths of a set's pictures: each is there once, and all of them are in memory together. */
export class PicturePaths {
  readonly #places = new Map<string, number>();
  #bytes = 0;

  /**
   * @param place whatever the caller wants to know of it again.
   * @returns what was said of the same path before; `undefined` of a new one.
   * @throws {SetError} where all of them are longer than they may be.
   */
  add(path: string, place = 0): number | undefined {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    // What UTF-8 makes of it is at least half of what it takes in memory.
    this.#bytes += new TextEncoder().encode(path).length;
    if (this.#bytes > MAX_PATHS_BYTES) {
      throw new SetError(
        'body',
        `${path}: with it the paths of the pictures have more than the ${MAX_PATHS_BYTES} bytes that they may have together.`,
      );
    }
    this.#places.set(path, place);
    return undefined;
  }
}

/** Labels that come as a table with a path in each line, in the order of the pictures. */
export class PathLabels {
  readonly #table: LabelTable;
  /** Lines whose picture has not come yet. */
  readonly #rows = new Map<string, number>();
  readonly #order: number[] = [];
  #missing: string | undefined;

  /** @throws {SetError} where it is no such table, or has a path twice. */
  constructor(text: string, mostRows: number) {
    this.#table = parseLabelTable(text, { paths: true, mostRows });
    for (const [row, path] of (this.#table.paths ?? []).entries()) {
      if (this.#rows.has(path)) throw lineError(row, `the path "${path}" is there twice`);
      this.#rows.set(path, row);
    }
  }

  /** Takes the path of the next picture. */
  take(path: string): void {
    const row = this.#rows.get(path);
    if (row === undefined) {
      this.#missing ??= path;
      return;
    }
    this.#rows.delete(path);
    this.#order.push(row);
  }

  /**
   * @returns the labels of the pictures that were taken.
   * @throws {SetError} where a line has no picture, or a picture no line.
   */
  end(): Labels {
    for (const [path, row] of this.#rows) throw lineError(row, `there is no picture "${path}"`);
    if (this.#missing !== undefined) {
      throw new SetError('labels', `labels: the picture "${this.#missing}" has no line.`);
    }
    const pick = (column: Int32Array) => Int32Array.from(this.#order, (row) => column[row]);
    const { identities, cameras, groups } = this.#table;
    return {
      identities: pick(identities),
      cameras: pick(cameras),
      ...(groups !== undefined && { groups: pick(groups) }),
    };
  }
}

function lineError(row: number, what: string): SetError {
  return new SetError('labels', `labels: line ${row + 2}: ${what}.`);
}

/** Labels by the names of pictures. @throws {SetError} of a name that says nothing. */
export function labelsByName(paths: readonly string[], naming: PictureNaming): Labels {
  const labels = paths.map((path) => parsePictureName(path, naming));
  return {
    identities: Int32Array.from(labels, ({ identity }) => identity),
    cameras: Int32Array.from(labels, ({ camera }) => camera),
  };
}

/** What is missing where neither names nor a table give the labels of pictures. @param names how to say it. */
export function labelsMissing(names: string): SetError {
  return new SetError(
    'names',
    `names: say how the names of the pictures give their labels (${names}${pictureNamings.join(', ')}), or send a labels.csv with the columns path, identity and camera.`,
  );
}
