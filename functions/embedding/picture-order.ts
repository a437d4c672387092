import type { ModelVersion } from '../inference/models.ts';
import type { EmbeddedSet } from './embedded-sets.ts';

/** A set of pictures that is to be embedded: the SHA-256 of its content, and how many it has. */
export interface PicturesToEmbed {
  readonly sha256: string;
  readonly count: number;
}

/** What an evaluation of pictures has beside that of embeddings. */
export interface PictureOrder {
  readonly model: ModelVersion & { readonly dimension: number };
  /** SHA-256 of the pictures' contents, of the sets that are of pictures. */
  readonly query?: string | undefined;
  readonly gallery?: string | undefined;
  /** What is to be embedded first: no set twice, and none that the model embedded before. */
  readonly missing: readonly PicturesToEmbed[];
  /** What the model made of the sets, by the pictures' SHA-256. */
  readonly embedded: Readonly<Record<string, EmbeddedSet>>;
}

/** The contents of pictures of an evaluation, none twice. */
export function picturesOf({ query, gallery }: PictureOrder): string[] {
  return [...new Set([query, gallery].filter((sha256) => sha256 !== undefined))];
}

/** Whether all pictures of an evaluation are embedded, so that it can be ranked. */
export function isEmbedded(pictures: PictureOrder): boolean {
  return picturesOf(pictures).every((sha256) => pictures.embedded[sha256] !== undefined);
}

/** What a result says of the pictures that it is of. */
export function describePictures({ model, query, gallery, embedded }: PictureOrder) {
  const describe = (pictures: string | undefined) => {
    if (pictures === undefined) return undefined;
    const { sha256, count, failed, errors } = embedded[pictures];
    return { sha256, embedded: count, failed, ...(failed > 0 && { errors }) };
  };
  return {
    model: { name: model.name, sha256: model.sha256 },
    pictures: { query: describe(query), gallery: describe(gallery) },
  };
}
