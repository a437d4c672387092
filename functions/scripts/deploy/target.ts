import { join } from 'node:path';
import { unstable_readConfig } from 'wrangler';
import * as z from 'zod';
import { root } from '../wrangler.ts';

export const environments = ['staging', 'production'] as const;

export type Environment = (typeof environments)[number];

/** What an environment of wrangler.toml consists of, by the names that its account knows it by. */
export interface Target {
  readonly environment: Environment;
  readonly worker: string;
  readonly buckets: readonly string[];
  readonly databases: readonly string[];
  readonly queues: readonly string[];
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
}

const name = z.string().min(1);
const configurationSchema = z.object({
  name,
  compatibility_date: name,
  compatibility_flags: z.array(name),
  r2_buckets: z.array(z.object({ bucket_name: name })),
  d1_databases: z.array(z.object({ database_name: name })),
  queues: z.object({
    producers: z.array(z.object({ queue: name })).default([]),
    consumers: z.array(z.object({ queue: name, dead_letter_queue: name.optional() })).default([]),
  }),
});

/** Reads an environment of wrangler.toml as wrangler itself reads it. Throws where a resource has no name. */
export function readTarget(environment: Environment): Target {
  const config = configurationSchema.parse(
    unstable_readConfig({ config: join(root, 'wrangler.toml'), env: environment }),
  );
  const { producers, consumers } = config.queues;
  const queues = [
    ...producers.map(({ queue }) => queue),
    ...consumers.flatMap(({ queue, dead_letter_queue }) => [queue, dead_letter_queue ?? queue]),
  ];
  return {
    environment,
    worker: config.name,
    buckets: config.r2_buckets.map(({ bucket_name }) => bucket_name),
    databases: config.d1_databases.map(({ database_name }) => database_name),
    queues: [...new Set(queues)],
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
  };
}
