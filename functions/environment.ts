import * as z from 'zod';
import type { Evaluation } from './evaluation/evaluation.ts';
import type { ShardMessage } from './evaluation/shard.ts';
import { SHARD_TIMEOUT_MS, SHARD_WORK } from './limits.ts';

/** What wrangler.toml binds to the Worker. */
export interface Bindings {
  readonly STORE: R2Bucket;
  readonly CATALOGUE: D1Database;
  readonly SHARDS: Queue<ShardMessage>;
  readonly EVALUATIONS: DurableObjectNamespace<Evaluation>;
  readonly ACCESS?: string;
  readonly API_KEY?: string;
  readonly SHARD_WORK?: string;
  readonly SHARD_TIMEOUT_MS?: string;
}

/** The types of a Hono app of this Worker. */
export interface AppTypes {
  Bindings: Bindings;
  Variables: { requestId: string };
}

const variablesSchema = z.object({
  ACCESS: z.enum(['key', 'open']).default('key'),
  API_KEY: z.string().min(1).optional(),
  /** Multiply-adds of one shard: to be lowered where an invocation has less processor time. */
  SHARD_WORK: z.coerce.number().int().positive().default(SHARD_WORK),
  /** Silence in milliseconds after which a shard that is out is sent again. */
  SHARD_TIMEOUT_MS: z.coerce.number().int().min(100).max(3_600_000).default(SHARD_TIMEOUT_MS),
});

export type EnvironmentVariables = z.infer<typeof variablesSchema>;

/** The variables and secrets, checked. Throws where one has a value that means nothing. */
export function parseVariables(bindings: Bindings): EnvironmentVariables {
  const { ACCESS, API_KEY, SHARD_WORK, SHARD_TIMEOUT_MS } = bindings;
  return variablesSchema.parse({ ACCESS, API_KEY, SHARD_WORK, SHARD_TIMEOUT_MS });
}
