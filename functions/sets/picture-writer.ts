import { PICTURE_BLOCK_BYTES } from '../limits.ts';
import { type ContentStore, putObject } from './content-store.ts';

/** Where a picture was written to: bytes `start` to `start + bytes − 1` of the block of that number. */
export interface WrittenPlace {
  readonly block: number;
  readonly start: number;
  readonly bytes: number;
}

/** Packs picture files, as they are, into stored blocks. It holds one block. */
export class PictureWriter {
  readonly #store: ContentStore;
  readonly #blocks: string[] = [];
  #block: Uint8Array[] = [];
  #length = 0;

  constructor(store: ContentStore) {
    this.#store = store;
  }

  /** Takes the next picture, which is not changed after that. */
  async write(picture: Uint8Array): Promise<WrittenPlace> {
    if (this.#length > 0 && this.#length + picture.length > PICTURE_BLOCK_BYTES) await this.#storeBlock();
    const place = { block: this.#blocks.length, start: this.#length, bytes: picture.length };
    this.#block.push(picture);
    this.#length += picture.length;
    return place;
  }

  /** Stores what is left. @returns the SHA-256 of every block. */
  async end(): Promise<string[]> {
    if (this.#length > 0) await this.#storeBlock();
    return this.#blocks;
  }

  async #storeBlock(): Promise<void> {
    const block = new Uint8Array(this.#length);
    let filled = 0;
    for (const picture of this.#block) {
      block.set(picture, filled);
      filled += picture.length;
    }
    this.#block = [];
    this.#length = 0;
    this.#blocks.push(await putObject(this.#store, block));
  }
}
