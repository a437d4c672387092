import { PRECISION_RANKS, type QueryScore } from './average-precision.ts';

/** Numbers kept of each query: six scores, the precision at each rank, and the length of its list. */
const COLUMNS = 6 + PRECISION_RANKS.length + 1;

/**
 * Scores of consecutive queries, `start` to `start + count − 1`: what one shard of an evaluation yields. A
 * query without a correct match in its list has no score and counts as skipped.
 */
export class QueryScores {
  readonly start: number;
  readonly count: number;
  readonly #columns: Float64Array;

  constructor(start: number, count: number, columns = new Float64Array(COLUMNS * count)) {
    this.start = start;
    this.count = count;
    this.#columns = columns;
  }

  /** @param index within these queries, from 0. @param kept length of the query's list. */
  set(index: number, score: QueryScore | undefined, kept: number): void {
    this.#columns.set(
      [
        score?.averagePrecision ?? 0,
        score?.averagePrecisionTrapezoid ?? 0,
        score?.averagePrecisionAtR ?? 0,
        score?.rPrecision ?? 0,
        score?.inverseNegativePenalty ?? 0,
        score?.firstMatchRank ?? 0,
        ...PRECISION_RANKS.map((_, i) => score?.precisionAt[i] ?? 0),
        kept,
      ],
      COLUMNS * index,
    );
  }

  /** The score at an index, from 0, and the length of that query's list. */
  at(index: number): { score: QueryScore | undefined; kept: number } {
    const columns = this.#columns.subarray(COLUMNS * index, COLUMNS * (index + 1));
    const [
      averagePrecision,
      averagePrecisionTrapezoid,
      averagePrecisionAtR,
      rPrecision,
      inverseNegativePenalty,
      firstMatchRank,
    ] = columns;
    const kept = columns[COLUMNS - 1];
    if (firstMatchRank === 0) return { score: undefined, kept };
    return {
      score: {
        averagePrecision,
        averagePrecisionTrapezoid,
        averagePrecisionAtR,
        rPrecision,
        precisionAt: [...columns.subarray(6, COLUMNS - 1)],
        inverseNegativePenalty,
        firstMatchRank,
      },
      kept,
    };
  }

  /** Bytes that `decode` turns back into the same scores, to the last bit. */
  encode(): Uint8Array {
    const numbers = new Float64Array(2 + this.#columns.length);
    numbers.set([this.start, this.count]);
    numbers.set(this.#columns, 2);
    return new Uint8Array(numbers.buffer);
  }

  /** @throws {RangeError} if the bytes are not what `encode` gives. */
  static decode(bytes: Uint8Array): QueryScores {
    if (bytes.length % 8 !== 0 || bytes.length < 16) {
      throw new RangeError(`Query scores of ${bytes.length} bytes are not a row of doubles.`);
    }
    const numbers = new Float64Array(new Uint8Array(bytes).buffer);
    const [start, count] = numbers;
    if (numbers.length !== 2 + COLUMNS * count) {
      throw new RangeError(`Query scores for ${count} queries have ${numbers.length} numbers.`);
    }
    return new QueryScores(start, count, numbers.subarray(2));
  }
}
