import { ApiError } from '../errors.ts';
import { MAX_BYTES_IN_FLIGHT, MAX_REQUEST_BYTES } from '../limits.ts';
import { PictureError } from './decode.ts';

/** The memory that one request holds. */
export interface Held {
  /** @throws {ApiError} 429 where that is more than there is, with other requests under way. */
  add(bytes: number): void;
  /**
   * Asks for room to decode a picture. It is used at once and given back at once.
   *
   * @throws {PictureError} where the request would have more than one may have.
   * @throws {ApiError} 429 where there is not as much, with other requests under way.
   */
  decoding(bytes: number): void;
}

/** Counts the bytes that requests hold in this isolate, and sends those away that there is no room for. */
export class BytesInFlight {
  readonly #limit: number;
  #total = 0;

  constructor(limit = MAX_BYTES_IN_FLIGHT) {
    this.#limit = limit;
  }

  get total(): number {
    return this.#total;
  }

  /** Runs `work`, and gives back all it held when it is done. A request that is alone is never sent away. */
  async holding<R>(work: (held: Held) => Promise<R>): Promise<R> {
    let own = 0;
    const busy = (bytes: number, limit: number) =>
      new ApiError(
        429,
        {
          message: `The requests under way hold ${this.#total} of ${limit} bytes, and this one needs ${bytes} more; send it again in a second.`,
          type: 'rate_limit_error',
          code: 'too_many_bytes_in_flight',
        },
        { 'Retry-After': '1' },
      );
    const add = (bytes: number) => {
      if (this.#total > own && this.#total + bytes > this.#limit) throw busy(bytes, this.#limit);
      own += bytes;
      this.#total += bytes;
    };
    const decoding = (bytes: number) => {
      if (own + bytes > MAX_REQUEST_BYTES) {
        throw new PictureError(
          'picture_too_large',
          `Decoding the picture takes ${bytes} bytes beside the ${own} that its request holds; one request may have ${MAX_REQUEST_BYTES}. Send fewer pictures at once, or a smaller one.`,
        );
      }
      if (this.#total + bytes > MAX_REQUEST_BYTES) throw busy(bytes, MAX_REQUEST_BYTES);
    };
    try {
      return await work({ add, decoding });
    } finally {
      this.#total -= own;
    }
  }
}
