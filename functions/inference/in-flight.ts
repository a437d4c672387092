import { ApiError } from '../errors.ts';
import { MAX_BYTES_IN_FLIGHT } from '../limits.ts';

/** The memory that one request holds. */
export interface Held {
  /** @throws {ApiError} 429 where that is more than there is, with other requests under way. */
  add(bytes: number): void;
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
    const add = (bytes: number) => {
      if (this.#total > own && this.#total + bytes > this.#limit) {
        throw new ApiError(
          429,
          {
            message: `The requests under way hold ${this.#total} of ${this.#limit} bytes, and this one needs ${bytes} more; send it again in a second.`,
            type: 'rate_limit_error',
            code: 'too_many_bytes_in_flight',
          },
          { 'Retry-After': '1' },
        );
      }
      own += bytes;
      this.#total += bytes;
    };
    try {
      return await work({ add });
    } finally {
      this.#total -= own;
    }
  }
}
