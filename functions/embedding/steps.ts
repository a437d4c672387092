import type { Step } from '../evaluation/stages/stage.ts';
import { parseProblems } from './embedded-pictures.ts';

/** What comes before the ranking of pictures, in the order in which it runs. */
export const pictureSteps = {
  /** Embeds pictures. */
  embedding: {
    items: 'pictures',
    check({ rows, problems }, { count }) {
      const embedded = count - parseProblems({ rows, problems }).length;
      if (embedded < 0 || (embedded === 0 ? rows.length > 0 : rows.length % (4 * embedded) !== 0)) {
        throw new RangeError(`${rows.length} bytes are not the embeddings of ${embedded} pictures.`);
      }
    },
  },
  /** Puts the embeddings of a set together. */
  collection: {
    items: 'sets',
    check({ found, unusable }) {
      if (found === undefined && unusable === undefined)
        throw new RangeError('It is not said what was put together.');
    },
  },
} as const satisfies Record<string, Step>;
