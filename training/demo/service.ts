import * as z from 'zod';

const embeddingsSchema = z.object({
  data: z.array(z.object({ index: z.int(), embedding: z.array(z.number()) })),
  errors: z.array(z.object({ index: z.int(), message: z.string() })).optional(),
});

const resultSchema = z.object({
  mAP: z.number(),
  mAPTrapezoid: z.number(),
  mAPAtR: z.number(),
  rPrecision: z.number(),
  precision: z.record(z.string(), z.number()),
  mINP: z.number(),
  cmc: z.record(z.string(), z.number()),
  validQueries: z.int(),
  skippedQueries: z.int(),
});

const evaluationSchema = z.object({
  id: z.string(),
  state: z.enum(['queued', 'running', 'succeeded', 'failed']),
  progress: z.object({ shards: z.object({ done: z.int(), total: z.int() }) }),
  result: resultSchema.optional(),
  error: z.object({ message: z.string() }).nullish(),
});

const errorSchema = z.object({ error: z.object({ message: z.string() }) });

export type JobResult = z.infer<typeof resultSchema>;

const POLL_MS = 200;

/** The service over HTTP, as any client meets it. */
export class Service {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  async putModel(name: string, bundle: Uint8Array): Promise<void> {
    await this.#send('PUT', `/v1/models/${name}`, bundle);
  }

  async putSet(name: string, npz: Uint8Array): Promise<void> {
    await this.#send('PUT', `/v1/sets/${name}`, npz);
  }

  /** Embeds PNG pictures. @throws {Error} if the service refuses one. */
  async embed(model: string, pictures: readonly Buffer[]): Promise<number[][]> {
    const input = pictures.map((picture) => `data:image/png;base64,${picture.toString('base64')}`);
    const { data, errors } = embeddingsSchema.parse(
      await this.#send('POST', '/v1/embeddings', { model, input }),
    );
    if (errors !== undefined && errors.length > 0) {
      throw new Error(`Picture ${errors[0].index} was refused: ${errors[0].message}`);
    }
    return [...data].sort((a, b) => a.index - b.index).map(({ embedding }) => embedding);
  }

  /** Runs an evaluation job to its end. */
  async evaluate(
    job: { query: string; gallery: string; protocol: string; distance: string },
    onProgress: (done: number, total: number) => void,
  ): Promise<{ id: string; result: JobResult }> {
    let evaluation = evaluationSchema.parse(await this.#send('POST', '/v1/evaluations', job));
    for (;;) {
      const { id, state, progress, result, error } = evaluation;
      onProgress(progress.shards.done, progress.shards.total);
      if (state === 'succeeded' && result !== undefined) return { id, result };
      if (state === 'failed') throw new Error(`The evaluation failed: ${error?.message}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      evaluation = evaluationSchema.parse(await this.#send('GET', `/v1/evaluations/${id}`));
    }
  }

  async #send(method: string, path: string, body?: Uint8Array | object): Promise<unknown> {
    const bytes = body instanceof Uint8Array;
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        'content-type': bytes ? 'application/octet-stream' : 'application/json',
      },
      ...(body && { body: bytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) {
      const { message } = errorSchema.parse(answer).error;
      throw new Error(`${method} ${path} was answered ${response.status}: ${message}`);
    }
    return answer;
  }
}
