import { z } from 'zod';
import type { Evaluation } from './evaluation/evaluation.ts';
import type { ShardMessage } from './evaluation/shard.ts';

/** What wrangler.toml binds to the Worker. */
export interface Bindings {
  readonly STORE: R2Bucket;
  readonly CATALOGUE: D1Database;
  readonly SHARDS: Queue<ShardMessage>;
  readonly EVALUATIONS: DurableObjectNamespace<Evaluation>;
  readonly ACCESS?: string;
  readonly API_KEY?: string;
}

/** The types of a Hono app of this Worker. */
export interface AppTypes {
  Bindings: Bindings;
  Variables: { requestId: string };
}

const variablesSchema = z.object({
  ACCESS: z.enum(['key', 'open']).default('key'),
  API_KEY: z.string().min(1).optional(),
});

export type EnvironmentVariables = z.infer<typeof variablesSchema>;

/** The variables and secrets, checked. Throws where one has a value that means nothing. */
export function parseVariables(bindings: Bindings): EnvironmentVariables {
  return variablesSchema.parse({ ACCESS: bindings.ACCESS, API_KEY: bindings.API_KEY });
}
