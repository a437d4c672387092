import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { succeed, type Wrangler, WranglerError } from './wrangler-command.ts';

/** The secret that a deployment cannot do without. */
export const API_KEY = 'API_KEY';

const secretsSchema = z.array(z.object({ name: z.string() }));

const keySchema = z
  .string()
  .regex(
    /^[!-~]{32,}$/,
    'An API key has at least 32 characters, printable ASCII without spaces: it goes into a header.',
  );

/** A key that is given, checked. @throws {RangeError} without saying what the key is. */
export function parseKey(text: string): string {
  const parsed = keySchema.safeParse(text.trim());
  if (!parsed.success) {
    throw new RangeError(
      `${parsed.error.issues[0].message} The one given has ${text.trim().length} characters.`,
    );
  }
  return parsed.data;
}

/** Names of the secrets that a deployed Worker has; none where the Worker is not deployed yet. */
export async function secretNames(wrangler: Wrangler, environment: string): Promise<string[]> {
  const options = ['secret', 'list', '--env', environment, '--format', 'json'];
  const result = await wrangler(...options);
  if (result.code !== 0) {
    if (/Worker "[^"]*".* not found/.test(result.stdout + result.stderr)) return [];
    throw new WranglerError(options, result);
  }
  return secretsSchema.parse(JSON.parse(result.stdout)).map(({ name }) => name);
}

/**
 * Deploys, where there are secrets together with them: there is no moment at which the code runs without. They go
 * through a file that only this user can read and that is gone afterwards, never over the command line.
 */
export async function deployWith(
  wrangler: Wrangler,
  environment: string,
  secrets: Readonly<Record<string, string>>,
): Promise<string> {
  if (Object.keys(secrets).length === 0) return succeed(wrangler, 'deploy', '--env', environment);
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-deploy-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    const file = join(folder, 'secrets.json');
    writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 });
    return await succeed(wrangler, 'deploy', '--env', environment, '--secrets-file', file);
  } finally {
    remove();
    process.off('exit', remove);
  }
}
