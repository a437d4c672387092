import { type DistanceName, distanceNames } from './distance.ts';
import type { GallerySource } from './evaluate.ts';
import { squaredNorms } from './kernel/distance-kernel.ts';
import type { Protocol } from './protocols.ts';

/** Bins of an accumulator, over the whole range of a distance. */
const BINS = 2 ** 16;

/** In place of a number of bins: all of them follow. */
const ALL_BINS = -1;

/** Bins of the histogram that is reported. */
const HISTOGRAM_BINS = 128;

/** The false accept rates at which the true accept rate is reported. */
const FALSE_ACCEPT_RATES = [1e-4, 1e-3, 1e-2, 1e-1] as const;

/** The ROC curve is reported at these many false accept rates a decade, from one in a million to all. */
const ROC_DECADES = 6;
const ROC_POINTS_A_DECADE = 10;

/** One point of the ROC curve. Pairs at up to `threshold` are accepted. */
export interface RocPoint {
  /** The false accept rate that was asked for. */
  readonly far: number;
  /** The share of matching pairs that the threshold accepts. */
  readonly tar: number;
  /** The share of non-matching pairs that it accepts: at most `far`. */
  readonly achievedFar: number;
  /**
   * Above `tar` by what the resolution leaves open: no threshold that keeps the false accept rate at `far`
   * accepts more of the matching pairs.
   */
  readonly tarAtMost: number;
  /** The largest multiple of the resolution at which the false accept rate is still at most `far`. */
  readonly threshold: number;
}

/** Verification: how well one threshold on the distance tells matching pairs from others. */
export interface Verification {
  readonly matchingPairs: number;
  readonly nonMatchingPairs: number;
  /** Thresholds are whole multiples of it. */
  readonly resolution: number;
  /** At false accept rates of 1e-4, 1e-3, 1e-2 and 1e-1. Empty where either kind of pair is missing. */
  readonly tarAtFar: readonly RocPoint[];
  /** At ten false accept rates a decade, from 1e-6 to 1. */
  readonly roc: readonly RocPoint[];
  /** Pairs by distance: bin i is from `i * binWidth` on, up to and with the next bin's start. */
  readonly histogram: {
    readonly binWidth: number;
    readonly matching: readonly number[];
    readonly nonMatching: readonly number[];
  };
}

/**
 * Counts pairs of a query and a gallery item by their distance, matching and non-matching ones apart.
 *
 * The pairs are those that a protocol keeps, of every query, also of those without a correct match: a pair
 * matches where the item is a correct match of the query, and every other kept pair does not. (When a set
 * is ranked against itself, each two items are so counted twice, from either side; no rate changes.)
 *
 * Counts are whole numbers in 65,536 bins of one width over the range of the distance, 1 MiB whatever the
 * number of pairs, and accumulators of parts add up to the same in any order.
 */
export class PairDistances {
  readonly distance: DistanceName;
  /** The largest distance there can be; the bins divide 0 to here. */
  readonly range: number;
  readonly #rooted: boolean;
  readonly #matching: Float64Array;
  readonly #nonMatching: Float64Array;

  /**
   * @param range of {@link distanceRange}, over the whole sets: only accumulators of one range add up.
   */
  constructor(distance: DistanceName, range: number) {
    this.distance = distance;
    this.range = range;
    // Rows of Euclidean distances hold squares.
    this.#rooted = distance === 'euclidean';
    this.#matching = new Float64Array(BINS);
    this.#nonMatching = new Float64Array(BINS);
  }

  /** Counts the pairs of one query and the gallery items `start` to `start + row.length − 1`. */
  addRow(protocol: Protocol, matches: ReadonlySet<number>, query: number, start: number, row: Float64Array) {
    for (let j = 0; j < row.length; j++) {
      const item = start + j;
      if (!protocol.keeps(query, item)) continue;
      const counts = matches.has(item) ? this.#matching : this.#nonMatching;
      counts[this.#bin(row[j])]++;
    }
  }

  /** Adds what another accumulator of the same distance and range has counted. */
  add(other: PairDistances): void {
    if (other.distance !== this.distance || other.range !== this.range) {
      throw new RangeError(
        `Pairs by ${other.distance} distance up to ${other.range} do not add to pairs by ${this.distance} distance up to ${this.range}.`,
      );
    }
    for (let bin = 0; bin < BINS; bin++) {
      this.#matching[bin] += other.#matching[bin];
      this.#nonMatching[bin] += other.#nonMatching[bin];
    }
  }

  /** What the counts say. */
  verification(): Verification {
    const total = (counts: Float64Array) => counts.reduce((sum, count) => sum + count, 0);
    const [matchingPairs, nonMatchingPairs] = [total(this.#matching), total(this.#nonMatching)];
    const resolution = this.range / BINS;
    const rates = (count: number, rate: (i: number) => number) =>
      matchingPairs === 0 || nonMatchingPairs === 0
        ? []
        : this.#rocAt(Array.from({ length: count }, (_, i) => rate(i)));
    return {
      matchingPairs,
      nonMatchingPairs,
      resolution,
      tarAtFar: rates(FALSE_ACCEPT_RATES.length, (i) => FALSE_ACCEPT_RATES[i]),
      roc: rates(
        ROC_DECADES * ROC_POINTS_A_DECADE + 1,
        (i) => 10 ** ((i - ROC_DECADES * ROC_POINTS_A_DECADE) / ROC_POINTS_A_DECADE),
      ),
      histogram: {
        binWidth: this.range / HISTOGRAM_BINS,
        matching: coarse(this.#matching),
        nonMatching: coarse(this.#nonMatching),
      },
    };
  }

  /**
   * Bytes that `decode` turns back into the same counts: only the bins that are not empty, or all where most are
   * not. At most 1 MiB and a few bytes.
   */
  encode(): Uint8Array {
    const numbers: number[] = [distanceNames.indexOf(this.distance), this.range];
    for (const counts of [this.#matching, this.#nonMatching]) {
      const filled = [...counts.keys()].filter((bin) => counts[bin] > 0);
      if (2 * filled.length < BINS) {
        numbers.push(filled.length);
        for (const bin of filled) numbers.push(bin, counts[bin]);
      } else {
        numbers.push(ALL_BINS);
        for (const count of counts) numbers.push(count);
      }
    }
    return new Uint8Array(Float64Array.from(numbers).buffer);
  }

  /** @throws {RangeError} if the bytes are not what `encode` gives. */
  static decode(bytes: Uint8Array): PairDistances {
    const fail = () => new RangeError(`${bytes.length} bytes are not counts of pairs.`);
    if (bytes.length % 8 !== 0) throw fail();
    const numbers = new Float64Array(new Uint8Array(bytes).buffer);
    let position = 0;
    const [distance, range] = [numbers[position++], numbers[position++]];
    const name = distanceNames[distance];
    if (name === undefined || !(range > 0)) throw fail();
    const pairs = new PairDistances(name, range);
    for (const counts of [pairs.#matching, pairs.#nonMatching]) {
      const filled = numbers[position++];
      if (filled === ALL_BINS) {
        if (position + BINS > numbers.length) throw fail();
        counts.set(numbers.subarray(position, position + BINS));
        position += BINS;
        continue;
      }
      if (!(position + 2 * filled <= numbers.length)) throw fail();
      for (let i = 0; i < filled; i++) {
        const [bin, count] = [numbers[position++], numbers[position++]];
        if (!(bin in counts)) throw fail();
        counts[bin] = count;
      }
    }
    if (position !== numbers.length) throw fail();
    return pairs;
  }

  /** Bin b holds the distances above b times the resolution, up to and with the next multiple. */
  #bin(value: number): number {
    const distance = this.#rooted ? Math.sqrt(value) : value;
    // Rounding may put a distance a little outside of its range.
    return Math.min(BINS - 1, Math.max(0, Math.ceil((distance / this.range) * BINS) - 1));
  }

  #rocAt(rates: readonly number[]): RocPoint[] {
    const sums = (counts: Float64Array) => {
      // sums[b]: pairs in the first b bins.
      const before = new Float64Array(BINS + 1);
      for (let bin = 0; bin < BINS; bin++) before[bin + 1] = before[bin] + counts[bin];
      return before;
    };
    const accepted = sums(this.#matching);
    const falsely = sums(this.#nonMatching);
    let bins = 0;
    return rates.map((far) => {
      while (bins < BINS && falsely[bins + 1] / falsely[BINS] <= far) bins++;
      return {
        far,
        tar: accepted[bins] / accepted[BINS],
        achievedFar: falsely[bins] / falsely[BINS],
        tarAtMost: accepted[Math.min(BINS, bins + 1)] / accepted[BINS],
        threshold: (bins * this.range) / BINS,
      };
    });
  }
}

/**
 * The largest distance of any query to any gallery item: 2 for cosine; for Euclidean, the sum of the
 * largest lengths of either (2, where embeddings are on the unit sphere), or the square of that.
 */
export function distanceRange(distance: DistanceName, longestQuery: number, longestItem: number): number {
  if (distance === 'cosine') return 2;
  // Where every vector is zero, so is every distance, and any range does.
  const length = longestQuery + longestItem || 1;
  return distance === 'euclidean' ? length : length ** 2;
}

/** The largest length of a set's rows, read block by block; by how many rows at a time changes no bit. */
export async function longestRow({
  count,
  rowsPerBlock,
  read,
}: Omit<GallerySource, 'labels'>): Promise<number> {
  let largest = 0;
  for (let number = 0; number * rowsPerBlock < count; number++) {
    for (const square of squaredNorms(await read(number))) largest = Math.max(largest, square);
  }
  return Math.sqrt(largest);
}

function coarse(counts: Float64Array): number[] {
  const width = BINS / HISTOGRAM_BINS;
  return Array.from({ length: HISTOGRAM_BINS }, (_, i) =>
    counts.subarray(i * width, (i + 1) * width).reduce((sum, count) => sum + count, 0),
  );
}
