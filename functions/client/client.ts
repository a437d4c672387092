import { type Health, healthSchema } from './answers.ts';
import { Embeddings } from './embeddings.ts';
import { Evaluations } from './evaluations.ts';
import { Keys } from './keys.ts';
import { Models } from './models.ts';
import { Sets } from './sets.ts';
import { type ClientOptions, Transport } from './transport.ts';

export type {
  Comparison,
  Deleted,
  Evaluation,
  EvaluationPlan,
  EvaluationState,
  Health,
  KeyDescription,
  Model,
  ModelWithManifest,
  NewKey,
  PictureProblem,
  PutSet,
  Queries,
  Scope,
  Search,
  StoredSet,
} from './answers.ts';
export { evaluationStates, scopes } from './answers.ts';
export type { EmbeddedPictures, EmbeddingsOptions } from './embeddings.ts';
export { SoftmarginError } from './error.ts';
export type { EvaluationRequest } from './evaluations.ts';
export type { KeyRequest } from './keys.ts';
export { collect } from './pages.ts';
export type { PutPicturesOptions, SetPicture } from './picture-parts.ts';
export { MAX_BODY_BYTES } from './set-parts.ts';
export type { EmbeddingsSource, SearchOptions } from './sets.ts';
export type { Body, ClientOptions } from './transport.ts';

/**
 * The service, typed. Runs in Node, in browsers and in Workers. Every method throws a `SoftmarginError` where the
 * service refuses or is not reached, and takes an `AbortSignal` where it may take long.
 *
 * @example
 * const client = new SoftmarginClient({ url: 'http://127.0.0.1:8787', key });
 * const { rows } = await client.embeddings.create([picture]);
 */
export class SoftmarginClient {
  readonly embeddings: Embeddings;
  readonly models: Models;
  readonly sets: Sets;
  readonly evaluations: Evaluations;
  readonly keys: Keys;
  readonly #transport: Transport;

  /** @throws {TypeError} if the URL is none of http or https. */
  constructor(options: ClientOptions) {
    const transport = new Transport(options);
    this.#transport = transport;
    this.embeddings = new Embeddings(transport);
    this.models = new Models(transport);
    this.sets = new Sets(transport);
    this.evaluations = new Evaluations(transport);
    this.keys = new Keys(transport);
  }

  /** "ok" after the service really embedded a picture. Needs no key. */
  health(signal?: AbortSignal): Promise<Health> {
    return this.#transport.json(healthSchema, '/health', { signal });
  }
}
