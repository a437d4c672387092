import { SoftmarginClient } from '@softmargin/client';
import { type Command, Option } from 'commander';
import { UsageError } from '../terminal/exit-codes.ts';
import { serviceConfiguration } from './configuration.ts';

export interface ServiceOptions {
  readonly url?: string;
  readonly key?: string;
}

const SERVICE = 'The service:';

/** Adds the options that say where the service is. */
export function addServiceOptions(command: Command): Command {
  const url = new Option(
    '--url <url>',
    'its address (default: SOFTMARGIN_URL, the configuration, or npm start)',
  );
  const key = new Option('--key <key>', 'what opens it (default: SOFTMARGIN_KEY, or the configuration)');
  return command.addOption(url.helpGroup(SERVICE)).addOption(key.helpGroup(SERVICE));
}

/** The service that flags, environment and files name. @throws {UsageError} where there is no key for it. */
export async function connect(options: ServiceOptions): Promise<SoftmarginClient> {
  const { url, key } = await serviceConfiguration(options);
  if (key === undefined) {
    throw new UsageError(
      `There is no key for ${url}: give --key, set SOFTMARGIN_KEY, or put it into softmargin.config.json. npm start prints the one of a local service.`,
    );
  }
  try {
    return new SoftmarginClient({ url, key });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
