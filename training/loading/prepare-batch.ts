import { fitToInput, normalise, type PreprocessingRule } from '@softmargin/shared/images/preprocess.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { type Augmentation, augment } from '../augmentation/augmentation.ts';
import { classIndices, type Dataset, itemName } from '../datasets/dataset.ts';
import { pictureAt } from '../datasets/picture-at.ts';
import { decodeFile } from './decode.ts';
import { Substitutes } from './substitutes.ts';

/** The stream of the run's seed that augmentation draws from. */
const AUGMENTATION_STREAM = 11;

/** What is the same for every batch of a run. */
export interface BatchSettings {
  readonly dataset: Dataset;
  readonly augmentation: Augmentation;
  readonly rule: PreprocessingRule;
  readonly seed: number;
  /** What takes the place of a picture that cannot be decoded: another picture, or none. */
  readonly broken: 'replace' | 'leave-out';
  /** Broken pictures that a run puts up with; with more than that, no substitute is looked for any more. */
  readonly brokenLimit: number;
}

/** A batch, ready for the network. */
export interface Batch {
  /** From 0. */
  readonly step: number;
  /** [N, height, width, channels], row-major, normalised. */
  readonly images: Float32Array<ArrayBuffer>;
  /** [N, height, width, channels] */
  readonly shape: readonly [number, number, number, number];
  /** Classes, 0 to C − 1: the identities of the whole data set in ascending order. */
  readonly labels: Int32Array;
  /** What each picture is in the data set. */
  readonly items: Int32Array;
}

/** A batch, and the pictures that were found broken on the way. */
export interface PreparedBatch extends Batch {
  /** What was wrong with each, by its path. */
  readonly broken: ReadonlyMap<string, string>;
}

/**
 * Makes batches: decodes, fits to the input, augments, normalises. A batch is a function of the settings, the
 * step and the items alone, wherever and in whatever order batches are made.
 */
export class BatchPreparation {
  readonly #settings: BatchSettings;
  readonly #labels: Int32Array;
  readonly #substitutes: Substitutes;

  constructor(settings: BatchSettings) {
    this.#settings = settings;
    this.#labels = classIndices(settings.dataset.identities);
    this.#substitutes = new Substitutes(settings.dataset.identities);
  }

  async prepare(step: number, items: Int32Array): Promise<PreparedBatch> {
    const { height, width, channels } = this.#settings.rule.input;
    const broken = new Map<string, string>();
    const pictures = await Promise.all(
      Array.from(items, (item, position) => this.#prepareItem(step, position, item, broken)),
    );
    const ready = pictures.filter((picture) => picture !== undefined);
    const size = height * width * channels;
    const images = new Float32Array(ready.length * size);
    for (const [i, { image }] of ready.entries()) {
      normalise(image, this.#settings.rule.preprocessing, images.subarray(i * size, (i + 1) * size));
    }
    return {
      step,
      images,
      shape: [ready.length, height, width, channels],
      labels: Int32Array.from(ready, ({ item }) => this.#labels[item]),
      items: Int32Array.from(ready, ({ item }) => item),
      broken,
    };
  }

  async #prepareItem(step: number, position: number, drawn: number, broken: Map<string, string>) {
    const { dataset, augmentation, rule, seed } = this.#settings;
    const candidates = this.#settings.broken === 'replace' ? this.#substitutes.after(drawn) : [];
    for (const item of [drawn, ...candidates]) {
      // Nothing of a picture that is broken may shift what is drawn for others: a stream for each place.
      const random = createRandom(seed, AUGMENTATION_STREAM, step, position);
      try {
        const picture = 'paths' in dataset ? await decodeFile(dataset.paths[item]) : pictureAt(dataset, item);
        const image = augment(fitToInput(picture, rule), augmentation, rule.preprocessing.mean, random);
        return { item, image };
      } catch (error) {
        broken.set(itemName(dataset, item), (error as Error).message);
        if (broken.size > this.#settings.brokenLimit) break;
      }
    }
    return undefined;
  }
}
