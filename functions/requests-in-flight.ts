import type { MiddlewareHandler } from 'hono';
import type { AppTypes } from './environment.ts';
import { ApiError } from './errors.ts';
import { type InFlightLimits, PLACE_LIFETIME_MS, REQUESTS_IN_FLIGHT, UPLOADS_IN_FLIGHT } from './limits.ts';

/** What a request holds while it is worked on. */
export interface Place {
  /** Says that the request goes on: a place that is silent for long counts as lost. */
  renew(): void;
  /** Gives the place to others. More than once does nothing. */
  leave(): void;
}

interface Entered {
  readonly owner: string;
  isWorking: boolean;
  renewedAt: number;
}

/** The first of those that wait looks so often whether it is its turn, the others less often by their number. */
const LOOK_MS = 2;
const MAX_LOOK_MS = 200;

/** Nobody waits for one that has not looked for so long. */
const SILENT_MS = 1_000;

/**
 * Counts the requests that are under way in an isolate, all and by owner: some are worked on, others wait for that in
 * the order they came, and what is more is sent away.
 *
 * No request wakes another one: the runtime may end a request whose client has gone, without a word. One that waits
 * looks itself whether it is its turn, and what has been silent for long is forgotten.
 */
export class RequestsInFlight {
  /** In the order they came. */
  readonly #entered = new Set<Entered>();
  readonly #limits: InFlightLimits;
  readonly #lifetime: number;

  constructor(limits: InFlightLimits, lifetime = PLACE_LIFETIME_MS) {
    this.#limits = limits;
    this.#lifetime = lifetime;
  }

  /**
   * Waits for a place.
   *
   * @throws {ApiError} 429 where too many are under way, in all or of the owner.
   */
  async enter(owner: string): Promise<Place> {
    this.#checkRoom(owner);
    const own: Entered = { owner, isWorking: false, renewedAt: Date.now() };
    this.#entered.add(own);
    for (;;) {
      const ahead = this.#waitingBefore(own);
      own.isWorking = this.#mayWork(owner) && !ahead.some((other) => other.owner === owner);
      if (own.isWorking) break;
      await scheduler.wait(Math.min(LOOK_MS * (1 + ahead.length), MAX_LOOK_MS));
      own.renewedAt = Date.now();
    }
    return {
      renew: () => {
        own.renewedAt = Date.now();
      },
      leave: () => {
        this.#entered.delete(own);
      },
    };
  }

  /** Those that came before and wait too. */
  #waitingBefore(own: Entered): Entered[] {
    const before: Entered[] = [];
    for (const entered of this.#entered) {
      if (entered === own) break;
      if (!entered.isWorking && own.renewedAt - entered.renewedAt < SILENT_MS) before.push(entered);
    }
    return before;
  }

  #mayWork(owner: string): boolean {
    const working = this.#count(({ isWorking }) => isWorking);
    const own = this.#count((other) => other.isWorking && other.owner === owner);
    return working < this.#limits.working.all && own < this.#limits.working.ofOwner;
  }

  #checkRoom(owner: string): void {
    const now = Date.now();
    for (const entered of this.#entered) {
      if (now - entered.renewedAt > this.#lifetime) this.#entered.delete(entered);
    }
    const { what, underWay } = this.#limits;
    const all = this.#entered.size;
    const own = this.#count((entered) => entered.owner === owner);
    if (all < underWay.all && own < underWay.ofOwner) return;
    const found =
      own >= underWay.ofOwner
        ? `${own} ${what} of this owner are under way in this isolate, and there may be ${underWay.ofOwner} of one`
        : `${all} ${what} are under way in this isolate, and there may be ${underWay.all}`;
    throw new ApiError(
      429,
      {
        message: `${found}; send it again in a second.`,
        type: 'rate_limit_error',
        code: 'too_many_requests_in_flight',
      },
      { 'Retry-After': '1' },
    );
  }

  #count(condition: (entered: Entered) => boolean): number {
    let count = 0;
    for (const entered of this.#entered) if (condition(entered)) count++;
    return count;
  }
}

const requests = new RequestsInFlight(REQUESTS_IN_FLIGHT);
const uploads = new RequestsInFlight(UPLOADS_IN_FLIGHT);

interface Admitted {
  readonly owner: string;
  place: Place;
}

/** The requests that were let in, by what they were read from. */
const admitted = new WeakMap<object, Admitted>();

/**
 * Lets a request in that there is a place for, until its answer begins.
 *
 * A request has no place while its body comes (`whileBodyComes`): a client that sends slowly, or nothing more, takes
 * none from others.
 */
export const admission: MiddlewareHandler<AppTypes> = async (context, next) => {
  const { owner } = context.var.key;
  const request = { owner, place: await requests.enter(owner) };
  admitted.set(context.req.raw, request);
  try {
    await next();
  } finally {
    request.place.leave();
  }
};

/**
 * Reads the body of a request, without its place meanwhile.
 *
 * @throws {ApiError} 429 where there is none when the body is there.
 */
export async function whileBodyComes<R>(request: object, read: () => Promise<R>): Promise<R> {
  const known = admitted.get(request);
  if (known === undefined) return read();
  known.place.leave();
  const result = await read();
  known.place = await requests.enter(known.owner);
  return result;
}

/**
 * Works on a body as it comes, in one of the places for that in exchange for the request's own.
 *
 * @throws {ApiError} 429 where there is none.
 */
export async function whileUploading<R>(
  request: object,
  work: (place: Pick<Place, 'renew'>) => Promise<R>,
): Promise<R> {
  const known = admitted.get(request);
  if (known === undefined) return work({ renew: () => {} });
  known.place.leave();
  const upload = await uploads.enter(known.owner);
  known.place = upload;
  try {
    return await work(upload);
  } finally {
    upload.leave();
  }
}
