import * as z from 'zod';
import { succeed, type Wrangler, WranglerError } from './wrangler-command.ts';

/** Makes an R2 bucket where there is none of that name. @returns whether it was made. */
export function ensureBucket(wrangler: Wrangler, bucket: string): Promise<boolean> {
  return ensure(wrangler, ['r2', 'bucket', 'info', bucket, '--json'], /bucket does not exist|code: 10006/i, [
    ...['r2', 'bucket', 'create', bucket],
  ]);
}

/** Makes a queue where there is none of that name. @returns whether it was made. */
export function ensureQueue(wrangler: Wrangler, queue: string): Promise<boolean> {
  return ensure(wrangler, ['queues', 'info', queue], /Queue "[^"]*" does not exist/, [
    ...['queues', 'create', queue],
  ]);
}

const databasesSchema = z.array(z.object({ name: z.string() }));

/** Makes a D1 database where there is none of that name. @returns whether it was made. */
export async function ensureDatabase(wrangler: Wrangler, database: string): Promise<boolean> {
  const databases = databasesSchema.parse(JSON.parse(await succeed(wrangler, 'd1', 'list', '--json')));
  if (databases.some(({ name }) => name === database)) return false;
  await succeed(wrangler, 'd1', 'create', database);
  return true;
}

/** Only the answer that it does not exist makes anything: another failure, as of the network, is no such answer. */
async function ensure(
  wrangler: Wrangler,
  look: string[],
  missing: RegExp,
  create: string[],
): Promise<boolean> {
  const result = await wrangler(...look);
  if (result.code === 0) return false;
  if (!missing.test(result.stdout + result.stderr)) throw new WranglerError(look, result);
  await succeed(wrangler, ...create);
  return true;
}
