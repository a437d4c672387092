import { createRandom } from '@softmargin/shared/random.ts';
import type { Service, SetDescription, Store } from './service.ts';

/** R2, as far as plans read it: labels and indices, no embeddings. */
export class LabelStore implements Store {
  readonly #objects = new Map<string, Uint8Array>();

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.#objects.set(key, bytes);
  }

  async get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | null> {
    const bytes = this.#objects.get(key);
    return bytes === undefined ? null : { arrayBuffer: async () => new Uint8Array(bytes).buffer };
  }
}

/** The sizes of an evaluation. */
export interface Sizes {
  readonly queries: number;
  readonly gallery: number;
  readonly dimension: number;
  /** Different identities of both sets. */
  readonly identities: number;
}

/** Stores labels of these sizes: identities and cameras at random. */
export async function storeSets(
  { storeIndex, joinLabels, putObject }: Service,
  store: Store,
  sizes: Sizes,
  seed: number,
): Promise<{ query: SetDescription; gallery: SetDescription }> {
  const { dimension } = sizes;
  const describe = async (name: string, count: number, stream: number): Promise<SetDescription> => {
    const random = createRandom(seed, stream);
    const identities = Int32Array.from({ length: count }, () => random.integer(sizes.identities));
    const cameras = Int32Array.from({ length: count }, () => random.integer(6));
    const joined = joinLabels({ identities, cameras });
    const labels = await putObject(store, new Uint8Array(joined.buffer));
    // Blocks are named and never read.
    const blocks = new Array(Math.ceil((4 * dimension * count) / 2 ** 21)).fill('0'.repeat(64));
    const sha256 = await storeIndex(store, { count, dimension, blocks, labels });
    return { name, kind: 'embeddings', sha256, count, dimension };
  };
  return {
    query: await describe('query', sizes.queries, 1),
    gallery: await describe('gallery', sizes.gallery, 2),
  };
}
