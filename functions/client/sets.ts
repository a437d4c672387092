import type { DistanceName } from '@softmargin/shared/metrics/distance.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import type { PictureNaming } from '@softmargin/shared/sets/picture-names.ts';
import {
  type Deleted,
  deletedSchema,
  type PutSet,
  putSetSchema,
  type Search,
  type StoredSet,
  searchSchema,
  setSchema,
  setsSchema,
} from './answers.ts';
import { toBase64 } from './base64.ts';
import { pagesOf } from './pages.ts';
import { type PutPicturesOptions, putPicturesInParts, type SetPicture } from './picture-parts.ts';
import { putInParts } from './set-parts.ts';
import type { Body, Transport } from './transport.ts';

/** Embeddings with their labels, as a query set or a gallery set has them. */
export type EmbeddingsSource = EmbeddingSet;

export interface SearchOptions {
  /** Embeds the pictures; the service's default one without. */
  readonly model?: string | undefined;
  readonly flip?: boolean | undefined;
  /** How many of the nearest; 10 without. */
  readonly k?: number | undefined;
  readonly distance?: DistanceName | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `/v1/sets` */
export class Sets {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Every set of the owner, by name. */
  list(signal?: AbortSignal): AsyncGenerator<StoredSet, void, undefined> {
    return pagesOf(
      (after) => this.#transport.json(setsSchema, '/v1/sets', { query: { after }, signal }),
      ({ data }) => data.at(-1)?.id,
    );
  }

  get(name: string, signal?: AbortSignal): Promise<StoredSet> {
    return this.#transport.json(setSchema, pathOf(name), { signal });
  }

  delete(name: string, signal?: AbortSignal): Promise<Deleted> {
    return this.#transport.json(deletedSchema, pathOf(name), { method: 'DELETE', signal });
  }

  /**
   * Stores a file as it is, in one body of up to 100 MB: embeddings, or an archive of pictures.
   *
   * @param options `side` of a file that holds a query set and a gallery set; `names`, how the paths of pictures give
   *   their labels.
   */
  put(
    name: string,
    file: Body,
    options: {
      readonly side?: 'query' | 'gallery' | undefined;
      readonly names?: PictureNaming | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<PutSet> {
    const { side, names, signal } = options;
    return this.#transport.json(putSetSchema, pathOf(name), {
      method: 'PUT',
      query: { side, names },
      headers: { 'Content-Type': 'application/octet-stream' },
      body: file,
      signal,
    });
  }

  /** Stores embeddings: in one body where they fit into it, in parts above that. */
  async putEmbeddings(
    name: string,
    set: EmbeddingsSource,
    options: {
      /** The most bytes of a request. 100,000,000, which the service takes, by default. */
      readonly bodyBytes?: number;
      /** Told how many rows are there. */
      readonly onProgress?: ((done: number, total: number) => void) | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<PutSet> {
    return putInParts(this.#transport, pathOf(name), set, options);
  }

  /** Stores pictures, their files as they are: in one archive, or in several where it would be larger than 32 MB. */
  putPictures(
    name: string,
    pictures: readonly SetPicture[],
    names: PictureNaming,
    options: PutPicturesOptions = {},
  ): Promise<PutSet> {
    return putPicturesInParts(this.#transport, pathOf(name), pictures, names, options);
  }

  /** The items of a set that are nearest to each of 1 to 64 embeddings. */
  searchEmbeddings(
    name: string,
    embeddings: readonly ArrayLike<number>[],
    { k, distance, signal }: Omit<SearchOptions, 'model' | 'flip'> = {},
  ): Promise<Search> {
    return this.#search(name, { embeddings: embeddings.map((row) => Array.from(row)), k, distance }, signal);
  }

  /** The items of a set that are nearest to each of 1 to 64 pictures: files, or texts as `embeddings.create` takes. */
  searchPictures(
    name: string,
    pictures: readonly (Uint8Array | string)[],
    { signal, ...options }: SearchOptions = {},
  ): Promise<Search> {
    const input = pictures.map((picture) => (typeof picture === 'string' ? picture : toBase64(picture)));
    return this.#search(name, { input, ...options }, signal);
  }

  #search(name: string, json: object, signal: AbortSignal | undefined): Promise<Search> {
    return this.#transport.json(searchSchema, `${pathOf(name)}/search`, {
      method: 'POST',
      json,
      isIdempotent: true,
      signal,
    });
  }
}

function pathOf(name: string): string {
  return `/v1/sets/${encodeURIComponent(name)}`;
}
