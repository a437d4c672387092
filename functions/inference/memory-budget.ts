import { ApiError } from '../errors.ts';
import { CODE_BYTES, DECODING_ROOM_BYTES, ISOLATE_BYTES, PATIENCE_MS } from '../limits.ts';
import { PictureError } from './decode.ts';

/** Something that keeps memory between requests, and gives it back where it is wanted elsewhere. */
export interface Keeper {
  /** Bytes that it keeps, outside the heap of TensorFlow.js. */
  readonly bytes: number;
  /** Gives some of it back. @returns false where it has nothing that is not in use. */
  giveWay(): boolean;
}

/** The memory that one request holds. */
export interface Held {
  /**
   * @throws {ApiError} 429 where that is more than there is with other requests under way, 413 where it is more
   * than there is for one alone.
   */
  add(bytes: number): void;
  /** The same for work that nobody waits at: while others are under way, it tries again for some time. */
  addPatiently(bytes: number): Promise<void>;
  /**
   * Asks for room to decode a picture. It is used at once and given back at once.
   *
   * @param idle codecs of other formats, which make way before a model does.
   * @throws {PictureError} where there is not as much for a request alone.
   * @throws {ApiError} 429 where there is not as much with other requests under way.
   */
  decoding(bytes: number, idle: Keeper): void;
}

const NOTHING: Keeper = { bytes: 0, giveWay: () => false };

/**
 * The one account of an isolate's memory: code, the heap of TensorFlow.js, bundles and codecs that are kept, and
 * what requests hold. Whatever is large asks here before it is allocated. Where there is no room, codecs that wait for
 * the next picture are given up, then models that nobody uses; only then a request is sent away.
 */
export class MemoryBudget {
  readonly #heap: () => number;
  readonly #limit: number;
  #requests = 0;
  #underWay = 0;
  /** The loaded models. */
  models: Keeper = NOTHING;
  /** The codecs. */
  codecs: Keeper = NOTHING;

  /** @param heap bytes of the heap of TensorFlow.js, which never shrinks. */
  constructor(heap: () => number, limit = ISOLATE_BYTES - CODE_BYTES) {
    this.#heap = heap;
    this.#limit = limit;
  }

  /** Bytes that requests hold. */
  get requests(): number {
    return this.#requests;
  }

  /** Requests that hold memory, or may. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Bytes that are left beside the heap and what is kept by models. */
  get left(): number {
    return this.#limit - this.#heap() - this.models.bytes - this.#requests;
  }

  /** Makes room beside all that is in use. @returns whether there is as much. */
  makeRoom(bytes: number): boolean {
    if (this.left - this.codecs.bytes >= bytes) return true;
    this.codecs.giveWay();
    return this.#dropModels(bytes);
  }

  /** Runs `work`, and gives back all it held when it is done. */
  async holding<R>(work: (held: Held) => Promise<R>): Promise<R> {
    let own = 0;
    const add = (bytes: number) => {
      const others = this.#requests > own;
      if (!this.makeRoom(others ? bytes + DECODING_ROOM_BYTES : bytes)) {
        throw others ? this.busy(bytes) : this.tooLarge(own + bytes);
      }
      own += bytes;
      this.#requests += bytes;
    };
    const addPatiently = async (bytes: number) => {
      const end = Date.now() + PATIENCE_MS;
      for (;;) {
        try {
          return add(bytes);
        } catch (error) {
          if ((error as ApiError).status !== 429 || Date.now() >= end) throw error;
          await scheduler.wait(PATIENCE_MS / 100);
        }
      }
    };
    const decoding = (bytes: number, idle: Keeper) => {
      if (this.left - idle.bytes >= bytes) return;
      idle.giveWay();
      if (this.#dropModels(bytes)) return;
      const alone = this.left + this.#requests;
      if (own + bytes <= alone) throw this.busy(bytes);
      throw new PictureError(
        'picture_too_large',
        `Decoding the picture takes ${bytes} bytes beside the ${own} that its request holds; one request may have ${alone} with the model it names. Send fewer pictures at once, or a smaller one.`,
      );
    };
    this.#underWay++;
    try {
      return await work({ add, addPatiently, decoding });
    } finally {
      this.#underWay--;
      this.#requests -= own;
    }
  }

  /** The error of a request that there is no room for now. */
  busy(bytes: number): ApiError {
    return new ApiError(
      429,
      {
        message: `The requests under way hold ${this.#requests} bytes of memory, and this one needs ${bytes} more; send it again in a second.`,
        type: 'rate_limit_error',
        code: 'too_many_bytes_in_flight',
      },
      { 'Retry-After': '1' },
    );
  }

  /** The error of a request that there is no room for at any time. */
  tooLarge(bytes: number): ApiError {
    return new ApiError(413, {
      message: `The request needs ${bytes} bytes of memory, and one request may have ${this.left + this.#requests} with the model it names. Send fewer or smaller pictures at once.`,
      code: 'request_too_large',
    });
  }

  #dropModels(bytes: number): boolean {
    while (this.left < bytes) if (!this.models.giveWay()) return false;
    return true;
  }
}
