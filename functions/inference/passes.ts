import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import { picturesPerPass } from './serving-memory.ts';

interface Waiting {
  readonly model: ServingModel;
  readonly flip: boolean;
  readonly images: readonly Float32Array[];
  rows?: Promise<readonly Float32Array[]>;
}

/**
 * Joins what concurrent requests embed with one model into passes of the network. A request puts its images
 * down, lets the others have their turn, and then either finds them embedded or embeds all that is there. No
 * request waits for another one to go on: each can be cancelled without the others.
 */
export class Passes {
  readonly #waiting: Waiting[] = [];

  /**
   * @param images up to `picturesPerPass` preprocessed images.
   * @returns the embedding of each.
   */
  async embed(
    model: ServingModel,
    images: readonly Float32Array[],
    flip: boolean,
  ): Promise<readonly Float32Array[]> {
    const own: Waiting = { model, flip, images };
    this.#waiting.push(own);
    try {
      if (images.length < picturesPerPass(model.manifest)) await scheduler.wait(0);
      if (own.rows === undefined) this.#run(own);
      return await (own.rows as unknown as Promise<readonly Float32Array[]>);
    } finally {
      const place = this.#waiting.indexOf(own);
      if (place >= 0) this.#waiting.splice(place, 1);
    }
  }

  #run(own: Waiting): void {
    const pass = [own];
    const together = picturesPerPass(own.model.manifest);
    let count = own.images.length;
    for (const other of this.#waiting) {
      const fits = other.model === own.model && other.flip === own.flip;
      if (other === own || !fits || count + other.images.length > together) continue;
      pass.push(other);
      count += other.images.length;
    }
    const images = pass.flatMap((waiting) => waiting.images);
    const size = images[0].length;
    const input = new Float32Array(count * size);
    for (const [i, image] of images.entries()) input.set(image, i * size);
    const { dimension } = own.model.manifest.embedding;
    // tfjs computes at once: what others find is there by the time they look.
    const rows = own.model
      .embed(input, count, own.flip)
      .then((all) => images.map((_, i) => all.subarray(i * dimension, (i + 1) * dimension)));
    let first = 0;
    for (const waiting of pass) {
      const start = first;
      first += waiting.images.length;
      waiting.rows = rows.then((all) => all.slice(start, start + waiting.images.length));
      // A failure is told to each that asks, and may come before it does.
      waiting.rows.catch(() => {});
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    }
  }
}
