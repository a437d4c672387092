import type { EmbeddingBlock } from '../blocks.ts';
import type { GallerySource } from '../evaluate.ts';
import type { GalleryScorer, ItemLists } from '../rank.ts';
import type { RankingKernel } from './kernel.ts';

/**
 * Scores a gallery by the kernel, one block in memory at a time. The kernel has begun with the queries and
 * the gallery's `rowsPerBlock`.
 */
export class KernelScorer implements GalleryScorer<Float32Array> {
  readonly #kernel: RankingKernel;
  readonly #gallery: GallerySource;
  readonly #drops: (item: number) => boolean;

  constructor(kernel: RankingKernel, gallery: GallerySource, drops: (item: number) => boolean) {
    this.#kernel = kernel;
    this.#gallery = gallery;
    this.#drops = drops;
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
    const { count, rowsPerBlock } = this.#gallery;
    for (let number = 0; number * rowsPerBlock < count; number++) {
      if (!wanted(number)) continue;
      const block = await this.#gallery.read(number);
      this.#kernel.setBlock(block, this.#drops);
      take.call(this.#kernel, block);
    }
  }
}
