import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { didYouMean } from '../terminal/did-you-mean.ts';
import { UsageError } from '../terminal/exit-codes.ts';

/** What a configuration file may hold. */
export const configurationFileSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'must be http://… or https://…' }).optional(),
  key: z.string().min(1).optional(),
});

type Configuration = z.infer<typeof configurationFileSchema>;

/** Where the service is and what opens it, with the places that this was read from. */
export interface ServiceConfiguration {
  readonly url: string;
  readonly key: string | undefined;
  /** In words: `--key`, `SOFTMARGIN_KEY` or a file. */
  readonly keyFrom: string | undefined;
}

/** Where `npm start` serves. */
export const LOCAL_URL = 'http://127.0.0.1:8787';

/**
 * The service by flags, then the environment (`SOFTMARGIN_URL`, `SOFTMARGIN_KEY`), then `softmargin.config.json` in
 * the working directory, then `~/.config/softmargin/config.json`; each of url and key by the first that has it.
 *
 * @throws {UsageError} that names the file and the field.
 */
export async function serviceConfiguration(
  flags: { readonly url?: string | undefined; readonly key?: string | undefined },
  {
    environment = process.env,
    directory = process.cwd(),
    home = homedir(),
  }: { environment?: NodeJS.ProcessEnv; directory?: string; home?: string } = {},
): Promise<ServiceConfiguration> {
  const paths = [
    join(directory, 'softmargin.config.json'),
    join(home, '.config', 'softmargin', 'config.json'),
  ];
  const places: (readonly [from: string, Configuration])[] = [
    ['--key', { url: flags.url, key: flags.key }],
    [
      'SOFTMARGIN_KEY',
      { url: environment.SOFTMARGIN_URL || undefined, key: environment.SOFTMARGIN_KEY || undefined },
    ],
  ];
  for (const path of paths) places.push([path, await readConfiguration(path)]);
  const url = places.find(([, configuration]) => configuration.url !== undefined)?.[1].url ?? LOCAL_URL;
  const withKey = places.find(([, configuration]) => configuration.key !== undefined);
  return { url, key: withKey?.[1].key, keyFrom: withKey?.[0] };
}

async function readConfiguration(path: string): Promise<Configuration> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return {};
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${(error as Error).message}`);
  }
  const parsed = configurationFileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const fields = Object.keys(configurationFileSchema.shape);
  if (issue.code === 'unrecognized_keys') {
    const [unknown] = issue.keys;
    throw new UsageError(
      `${path}: there is no field "${unknown}"${didYouMean(unknown, fields)}; it may have ${fields.join(' and ')}.`,
    );
  }
  throw new UsageError(`${path}: ${issue.path.join('.') || 'the content'}: ${issue.message}.`);
}
