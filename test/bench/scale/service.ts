import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { ObjectStorage } from './storage.ts';

/** What a worker is given to do. */
export interface ClaimedShard {
  readonly stage: string;
  readonly start: number;
  readonly count: number;
  /** Of a gallery that is cut into ranges. */
  readonly gallery?: { readonly start: number; readonly count: number };
}

/** The service's own `Evaluation`, as those see it who call it from other isolates. */
export interface Evaluation {
  start(evaluation: string, order: object): Promise<unknown>;
  claim(shard: number): Promise<ClaimedShard | undefined>;
  complete(shard: number, parts: Readonly<Record<string, Uint8Array>>): Promise<void>;
  earlier(stage: string, first: number, start: number): readonly object[];
  alarm(): Promise<void>;
  progress(): { done: number; total: number; outcome?: { state: string; result?: unknown } } | undefined;
}

/** What the runtime hands to a Durable Object. */
export interface ObjectState {
  readonly storage: {
    readonly sql: ObjectStorage;
    setAlarm(at: number): Promise<void>;
    deleteAlarm(): Promise<void>;
    deleteAll(): Promise<void>;
    transactionSync<Result>(action: () => Result): Result;
  };
}

interface Store {
  put(key: string, bytes: Uint8Array): Promise<unknown>;
  get(key: string): Promise<unknown>;
}

interface SetDescription {
  readonly name: string;
  readonly kind: 'embeddings';
  readonly sha256: string;
  readonly count: number;
  readonly dimension: number;
}

/** What of the service the simulation runs and does not simulate. */
export interface Service {
  readonly Evaluation: new (state: ObjectState, bindings: object) => Evaluation;
  recordEvaluation(bindings: object, evaluation: object): Promise<boolean>;
  storeIndex(
    store: Store,
    index: { count: number; dimension: number; blocks: readonly string[]; labels: string },
  ): Promise<string>;
  joinLabels(labels: { identities: Int32Array; cameras: Int32Array }): Int32Array;
  putObject(store: Store, bytes: Uint8Array): Promise<string>;
}

export type { SetDescription, Store };

/** A Durable Object keeps what it is given: all that the base class of Workers does that these objects use. */
const WORKERS = `export class DurableObject {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}`;

/** Loads the service's code into Node, where `cloudflare:workers` is not there. */
export async function loadService(): Promise<Service> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'cloudflare:workers'
        ? { url: `data:text/javascript,${encodeURIComponent(WORKERS)}`, shortCircuit: true }
        : next(specifier, context),
    // A module of WebAssembly is imported compiled, as Workers do.
    load: (url, context, next) =>
      url.endsWith('.wasm')
        ? { format: 'module', source: compiledModule(url), shortCircuit: true }
        : next(url, context),
  });
  try {
    // Not by their names: the types of Workers, which these need, are not those of Node.
    const load = (path: string) => import(new URL(`../../../functions/${path}`, import.meta.url).href);
    const { Evaluation } = await load('evaluation/evaluation.ts');
    const { recordEvaluation } = await load('evaluation/catalogue.ts');
    const { storeIndex, joinLabels } = await load('sets/content.ts');
    const { putObject } = await load('sets/content-store.ts');
    return { Evaluation, recordEvaluation, storeIndex, joinLabels, putObject };
  } finally {
    hooks.deregister();
  }
}

function compiledModule(url: string): string {
  const bytes = readFileSync(fileURLToPath(url)).toString('base64');
  return `export default new WebAssembly.Module(Buffer.from('${bytes}', 'base64'));`;
}
