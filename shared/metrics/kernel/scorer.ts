import type { EmbeddingBlock } from '../blocks.ts';
import type { GallerySource } from '../evaluate.ts';
import type { GalleryScorer, ItemLists } from '../rank.ts';
import type { RankingKernel } from './kernel.ts';

/**
 * Scores a gallery by the kernel, one block in memory at a time. The kernel has begun with the queries and
 * the gallery's `rowsPerBlock`.
 *
 * Of a range of the gallery it counts the items of that range only; counts of ranges that make up the gallery
 * add up to those of the whole.
 */
export class KernelScorer implements GalleryScorer<Float32Array> {
  readonly #kernel: RankingKernel;
  readonly #gallery: GallerySource;
  readonly #drops: (item: number) => boolean;
  readonly #range: { readonly start: number; readonly count: number };

  /** @param range items from one on that begins a block, to the end of a block or of the gallery. */
  constructor(
    kernel: RankingKernel,
    gallery: GallerySource,
    drops: (item: number) => boolean,
    range: { readonly start: number; readonly count: number } = { start: 0, count: gallery.count },
  ) {
    this.#kernel = kernel;
    this.#gallery = gallery;
    this.#drops = drops;
    this.#range = range;
  }

  async locate(lists: ItemLists): Promise<Float32Array> {
    const { count, rowsPerBlock } = this.#gallery;
    const wanted = new Uint8Array(Math.ceil(count / rowsPerBlock));
    for (const item of lists.items) wanted[Math.floor(item / rowsPerBlock)] = 1;
    this.#kernel.setLists(lists);
    await this.#read((block) => wanted[block] === 1, this.#kernel.locate);
    return this.#kernel.scores();
  }

  async countBefore(lists: ItemLists, scores: Float32Array): Promise<Int32Array> {
    this.#kernel.setLists(lists, scores);
    await this.#read(() => lists.items.length > 0, this.#kernel.count);
    return this.#kernel.counts();
  }

  async #read(wanted: (block: number) => boolean, take: (block: EmbeddingBlock) => void): Promise<void> {
    const { rowsPerBlock } = this.#gallery;
    const { start, count } = this.#range;
    for (let number = Math.floor(start / rowsPerBlock); number * rowsPerBlock < start + count; number++) {
      if (!wanted(number)) continue;
      const block = await this.#gallery.read(number);
      this.#kernel.setBlock(block, this.#drops);
      take.call(this.#kernel, block);
    }
  }
}
