import * as z from 'zod';
import type { Evaluation } from './evaluation/evaluation.ts';
import type { ShardMessage } from './evaluation/shard.ts';
import type { Key } from './keys/key.ts';
import { INVOCATION_CPU_MS, METRICS_FLUSH_MS, QUOTAS, SHARD_READ_BYTES, SHARD_TIMEOUT_MS } from './limits.ts';
import type { OwnedBindings } from './owners.ts';

/** What wrangler.toml binds to the Worker. */
export interface Bindings {
  readonly STORE: R2Bucket;
  readonly CATALOGUE: D1Database;
  readonly SHARDS: Queue<ShardMessage>;
  readonly EVALUATIONS: DurableObjectNamespace<Evaluation>;
  /** Counts the requests of each key. */
  readonly REQUESTS: RateLimit;
  readonly API_KEY?: string;
  readonly QUOTA_SETS?: string;
  readonly QUOTA_VECTORS?: string;
  readonly QUOTA_BYTES?: string;
  readonly QUOTA_EVALUATIONS?: string;
  readonly CORS_ORIGINS?: string;
  readonly LOG_REQUESTS?: string;
  readonly METRICS_FLUSH_MS?: string;
  readonly SHARD_WORK?: string;
  readonly SHARD_READ_BYTES?: string;
  readonly SHARD_TIMEOUT_MS?: string;
  readonly INVOCATION_CPU_MS?: string;
  readonly WEBHOOK_HOSTS?: string;
  readonly WEBHOOK_LOOPBACK?: string;
  readonly PICTURE_ORIGINS?: string;
}

/** The types of a Hono app of this Worker. */
export interface AppTypes {
  Bindings: Bindings;
  /** From `access`: what sent the request, and the bindings of its owner. */
  Variables: { requestId: string; key: Key; bindings: OwnedBindings };
}

/** A list of origins, separated by commas. */
const originsSchema = z
  .string()
  .default('')
  .transform((list) => list.split(',').flatMap((origin) => origin.trim() || []));

const quotaSchema = z.coerce.number().int().nonnegative();

const variablesSchema = z.object({
  API_KEY: z.string().min(1).optional(),
  /** Multiply-adds of one shard, in place of what the measured speed and the processor time give. */
  SHARD_WORK: z.coerce.number().int().positive().optional(),
  /** Bytes of the gallery that a shard reads in one go; a larger gallery is cut into ranges. */
  SHARD_READ_BYTES: z.coerce.number().int().positive().default(SHARD_READ_BYTES),
  /** Processor time of one invocation in milliseconds: what `limits.cpu_ms` of the deployment is. */
  INVOCATION_CPU_MS: z.coerce.number().int().min(10).max(300_000).default(INVOCATION_CPU_MS),
  /** The only hosts that webhooks may go to, separated by commas; `*.example.com` is all below a name. */
  WEBHOOK_HOSTS: z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((host) => host.trim().toLowerCase())
        .filter((host) => host !== ''),
    )
    .optional(),
  /** Whether webhooks may go to this machine, over plain HTTP; for local use only. */
  WEBHOOK_LOOPBACK: z.enum(['refuse', 'allow']).default('refuse'),
  /** Milliseconds after which a shard that is out is sent again at the earliest. */
  SHARD_TIMEOUT_MS: z.coerce.number().int().min(100).max(3_600_000).default(SHARD_TIMEOUT_MS),
  /**
   * Where pictures may be fetched from, by commas: origins as https://images.example.com, or
   * https://*.example.com for every name below it. None unless set.
   */
  PICTURE_ORIGINS: originsSchema.pipe(
    z.array(z.string().regex(/^https?:\/\/(\*\.)?[a-z0-9.-]+(:\d+)?$/, 'must be an origin')),
  ),
  /** Whose pages may read answers in a browser, by commas: https://console.example.com. None unless set. */
  CORS_ORIGINS: originsSchema.pipe(
    z.array(z.string().regex(/^https?:\/\/[a-z0-9.-]+(:\d+)?$/, 'must be an origin')),
  ),
  /** What each owner may have: stored sets, their rows, bytes, and evaluations that are queued or run. */
  QUOTA_SETS: quotaSchema.default(QUOTAS.sets),
  QUOTA_VECTORS: quotaSchema.default(QUOTAS.vectors),
  QUOTA_BYTES: quotaSchema.default(QUOTAS.bytes),
  QUOTA_EVALUATIONS: quotaSchema.default(QUOTAS.evaluations),
  /** Whether every request is a line of the log. */
  LOG_REQUESTS: z.enum(['on', 'off']).default('on'),
  /** How long an isolate keeps what it counted to itself, in milliseconds. */
  METRICS_FLUSH_MS: z.coerce.number().int().min(0).max(20_000).default(METRICS_FLUSH_MS),
});

export type EnvironmentVariables = z.infer<typeof variablesSchema>;

/** The variables and secrets, checked. Throws where one has a value that means nothing. */
export function parseVariables(bindings: Omit<Bindings, 'STORE'>): EnvironmentVariables {
  return variablesSchema.parse(bindings);
}
