import type { DistanceName } from '@softmargin/shared/metrics/distance.ts';
import type { SetRule } from '@softmargin/shared/metrics/evaluate-sets.ts';
import {
  type Comparison,
  comparisonSchema,
  type Evaluation,
  type EvaluationPlan,
  type EvaluationState,
  evaluationSchema,
  evaluationsSchema,
  planSchema,
  type Queries,
  queriesSchema,
} from './answers.ts';
import { SoftmarginError } from './error.ts';
import { readEvents } from './event-stream.ts';
import { pagesOf } from './pages.ts';
import { pause, type Transport } from './transport.ts';

/** What is ranked, and how; fields that are left out take the service's defaults. */
export interface EvaluationRequest {
  /** Names of stored sets. */
  readonly query: string;
  readonly gallery: string;
  /** Embeds the pictures of a set of pictures. */
  readonly model?: string | undefined;
  /** A name, or an exclusion rule. */
  readonly protocol: SetRule['protocol'];
  readonly distance: DistanceName;
  /** For `cuhk03-classic`. */
  readonly draws?: { readonly repeats?: number; readonly seed?: number } | undefined;
  readonly bootstrap?:
    | { readonly resamples?: number; readonly seed?: number; readonly confidence?: number }
    | undefined;
  readonly verification?: boolean | undefined;
  readonly rerank?: { readonly k1?: number; readonly k2?: number; readonly lambda?: number } | undefined;
  /** How many of the nearest of each query are kept. */
  readonly topK?: number | undefined;
  readonly webhook?: { readonly url: string; readonly secret: string } | undefined;
}

/** Figures of a result; the last two need `verification`. */
export type Figure = 'cmc' | 'roc' | 'histogram';

/** How long a stream of events that broke off is left alone, and how often in a row that may be. */
const RECONNECT_MS = [500, 1000, 2000, 4000, 8000, 8000, 8000];

/** `/v1/evaluations` */
export class Evaluations {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Starts an evaluation.
   *
   * @param options `idempotencyKey`: the same request with the same key is answered with the same evaluation. Without
   *   it each call starts one, and only one, however often it is sent on the way.
   */
  create(
    request: EvaluationRequest,
    options: { readonly idempotencyKey?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Evaluation> {
    const { idempotencyKey = crypto.randomUUID(), signal } = options;
    return this.#transport.json(evaluationSchema, '/v1/evaluations', {
      method: 'POST',
      headers: { 'Idempotency-Key': idempotencyKey },
      json: request,
      isIdempotent: true,
      signal,
    });
  }

  /** What an evaluation would take; starts nothing. */
  plan(request: EvaluationRequest, signal?: AbortSignal): Promise<EvaluationPlan> {
    return this.#transport.json(planSchema, '/v1/evaluations', {
      method: 'POST',
      json: { ...request, dryRun: true },
      isIdempotent: true,
      signal,
    });
  }

  /** Every evaluation of the owner, the newest first. */
  list(
    options: { readonly state?: EvaluationState | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Evaluation, void, undefined> {
    const { state, signal } = options;
    return pagesOf(
      (after) =>
        this.#transport.json(evaluationsSchema, '/v1/evaluations', { query: { state, after }, signal }),
      ({ lastId }) => lastId,
    );
  }

  get(id: string, signal?: AbortSignal): Promise<Evaluation> {
    return this.#transport.json(evaluationSchema, pathOf(id), { signal });
  }

  /** Ends it without a result; as often as you like. */
  cancel(id: string, signal?: AbortSignal): Promise<Evaluation> {
    return this.#transport.json(evaluationSchema, `${pathOf(id)}/cancel`, {
      method: 'POST',
      isIdempotent: true,
      signal,
    });
  }

  async delete(id: string, signal?: AbortSignal): Promise<void> {
    const response = await this.#transport.send(pathOf(id), { method: 'DELETE', signal });
    await response.body?.cancel();
  }

  /**
   * The evaluation whenever it changed, by server-sent events, until it ended: the last is the final one. A stream
   * that breaks off is taken up again.
   *
   * @throws {SoftmarginError} `evaluation_deleted` where it was deleted meanwhile.
   */
  async *watch(id: string, signal?: AbortSignal): AsyncGenerator<Evaluation, void, undefined> {
    for (let failures = 0; ; failures++) {
      let cause: unknown;
      try {
        const { body } = await this.#transport.send(`${pathOf(id)}/events`, {
          headers: { Accept: 'text/event-stream' },
          signal,
        });
        for await (const { event, data } of readEvents(body as ReadableStream<Uint8Array>)) {
          failures = 0;
          yield evaluationIn(data, id);
          if (event === 'end') return;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof SoftmarginError && error.code !== 'network_error') throw error;
        cause = error;
      }
      const wait = RECONNECT_MS[failures];
      if (wait === undefined) {
        throw cause instanceof SoftmarginError
          ? cause
          : new SoftmarginError(
              `The events of the evaluation "${id}" broke off ${failures} times in a row.`,
              { status: 0, code: 'network_error' },
              { cause },
            );
      }
      await pause(wait, signal);
    }
  }

  /** Waits for the end. @returns the final object. @param onProgress told of every change. */
  async wait(
    id: string,
    options: {
      readonly onProgress?: ((evaluation: Evaluation) => void) | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<Evaluation> {
    let last: Evaluation | undefined;
    for await (const evaluation of this.watch(id, options.signal)) {
      last = evaluation;
      options.onProgress?.(evaluation);
    }
    return last as Evaluation;
  }

  /** Queries with their scores and, where they were kept, the nearest of each: a page behind the query `after`. */
  queries(
    id: string,
    options: {
      readonly limit?: number | undefined;
      readonly after?: number | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<Queries> {
    const { limit, after, signal } = options;
    return this.#transport.json(queriesSchema, `${pathOf(id)}/queries`, { query: { limit, after }, signal });
  }

  /** A line for every query: `queries.csv`. */
  async csv(id: string, signal?: AbortSignal): Promise<string> {
    return (await this.#transport.send(`${pathOf(id)}/queries.csv`, { signal })).text();
  }

  /** A figure as SVG. */
  async svg(id: string, figure: Figure, signal?: AbortSignal): Promise<string> {
    return (await this.#transport.send(`${pathOf(id)}/${figure}.svg`, { signal })).text();
  }

  /** Two evaluations of the same queries: whether b is better or worse than a by more than noise. */
  compare(
    a: string,
    b: string,
    options: {
      readonly resamples?: number | undefined;
      readonly seed?: number | undefined;
      readonly confidence?: number | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<Comparison> {
    const { signal, ...query } = options;
    const path = `${pathOf(a)}/comparison/${encodeURIComponent(b)}`;
    return this.#transport.json(comparisonSchema, path, { query, signal });
  }
}

function evaluationIn(data: string, id: string): Evaluation {
  const value: unknown = JSON.parse(data);
  if (evaluationSchema.safeParse(value).success) return value as Evaluation;
  const isDeleted = typeof value === 'object' && value !== null && 'deleted' in value;
  throw new SoftmarginError(
    isDeleted
      ? `The evaluation "${id}" was deleted while it was watched.`
      : `An event of the evaluation "${id}" is not one of softmargin.`,
    { status: 200, code: isDeleted ? 'evaluation_deleted' : 'unexpected_answer' },
  );
}

function pathOf(id: string): string {
  return `/v1/evaluations/${encodeURIComponent(id)}`;
}
