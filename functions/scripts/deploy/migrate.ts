import * as z from 'zod';
import { succeed, type Wrangler } from './wrangler-command.ts';

const bookmarkSchema = z.object({ bookmark: z.string().min(1) });

/** The place in a database's history that it can be taken back to: `wrangler d1 time-travel restore`. */
export async function bookmark(wrangler: Wrangler, database: string): Promise<string> {
  const answer = await succeed(wrangler, 'd1', 'time-travel', 'info', database, '--json');
  return bookmarkSchema.parse(JSON.parse(answer)).bookmark;
}

/** Applies the migrations that a database does not have yet. One that fails leaves it as it was before that one. */
export async function migrate(wrangler: Wrangler, database: string, environment: string): Promise<void> {
  await succeed(wrangler, 'd1', 'migrations', 'apply', database, '--remote', '--env', environment);
}
