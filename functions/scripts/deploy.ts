import { text } from 'node:stream/consumers';
import { parseArgs, styleText } from 'node:util';
import { deploy, type Report, rehearse } from './deploy/deploy.ts';
import { parseKey } from './deploy/secrets.ts';
import { type Environment, environments, readTarget } from './deploy/target.ts';
import { wranglerCommand } from './deploy/wrangler-command.ts';

const USAGE = `Usage: npm run deploy -- --env staging|production [options]

Makes what is missing of an environment on Cloudflare (R2 bucket, D1 database with its migrations, queues, secret)
and deploys the Worker. It may be run again whenever it failed.

  --env <name>       staging or production, as in wrangler.toml.
  --dry-run          Bundle, check size and start-up, say what would be done. Needs no account and no network.
  --api-key-stdin    Read the API key from standard input, for a deployment that has none yet. Without this, the
                     variable API_KEY is taken, or a key is made and printed on standard output.
  --help             Print this.

The account is the one of "npx wrangler login", or of CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID.
`;

class UsageError extends Error {}

interface Options {
  readonly environment: Environment;
  readonly dryRun: boolean;
  readonly keyFromInput: boolean;
}

function parseOptions(): Options | 'help' {
  let values: { env?: string; 'dry-run'?: boolean; 'api-key-stdin'?: boolean; help?: boolean };
  try {
    values = parseArgs({
      options: {
        env: { type: 'string' },
        'dry-run': { type: 'boolean' },
        'api-key-stdin': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help) return 'help';
  const environment = environments.find((name) => name === values.env);
  if (environment === undefined) {
    throw new UsageError(
      values.env === undefined
        ? '--env is missing.'
        : `--env is "${values.env}", not ${environments.join(' or ')}.`,
    );
  }
  return {
    environment,
    dryRun: values['dry-run'] ?? false,
    keyFromInput: values['api-key-stdin'] ?? false,
  };
}

/** The key that is given for a deployment that has none. */
async function givenKey(fromInput: boolean): Promise<string | undefined> {
  if (fromInput) return parseKey(await text(process.stdin));
  return process.env.API_KEY === undefined ? undefined : parseKey(process.env.API_KEY);
}

const report: Report = {
  step: (line) => console.error(`  ${line}`),
  newKey: (key) => {
    console.error('  A new API key, shown this once; it is in force when the Worker is deployed:');
    console.log(key);
  },
};

// Interrupted, it still runs what clears up.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

try {
  const options = parseOptions();
  if (options === 'help') {
    console.log(USAGE);
  } else {
    const { environment, dryRun, keyFromInput } = options;
    const target = readTarget(environment);
    if (dryRun) {
      await rehearse(wranglerCommand(), target, report);
      console.error('  A dry run: nothing was changed.');
    } else {
      await deploy(wranglerCommand(), target, report, await givenKey(keyFromInput));
    }
  }
} catch (error) {
  console.error(styleText('red', (error as Error).message));
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
