import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/** A new key with 256 random bits. */
export function generateKey(): string {
  return `sm_${randomBytes(32).toString('base64url')}`;
}

/** The file that wrangler reads the secrets of a local server from. */
export function keyFileOf(stateDirectory: string): string {
  return join(stateDirectory, 'key.env');
}

/**
 * The key of the local server, in a file that only this user can read: over the command line, every user of the
 * machine would see it.
 *
 * @param given takes the place of the one that is there. Where there is none, one is made.
 */
export function keepLocalKey(stateDirectory: string, given?: string): string {
  const file = keyFileOf(stateDirectory);
  if (given === undefined && existsSync(file)) return readLocalKey(stateDirectory);
  const key = given ?? generateKey();
  mkdirSync(stateDirectory, { recursive: true });
  writeFileSync(file, `API_KEY=${key}\n`, { mode: 0o600 });
  // The mode above is for a file that was not there.
  chmodSync(file, 0o600);
  return key;
}

/** The key that a local server was started with. @throws {Error} where there is none. */
export function readLocalKey(stateDirectory: string): string {
  const file = keyFileOf(stateDirectory);
  const { API_KEY } = parseEnv(readFileSync(file, 'utf8'));
  if (API_KEY === undefined || API_KEY === '') throw new Error(`${file} has no API_KEY.`);
  return API_KEY;
}
