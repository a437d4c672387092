import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { oneOf } from './arguments.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

interface DeployOptions {
  readonly env: string;
  readonly dryRun?: true;
  readonly apiKeyStdin?: true;
  readonly json?: true;
}

/** `softmargin deploy`: what `npm run deploy` does. */
export function deployCommand(): Command {
  return new Command('deploy')
    .description('Make what an environment on Cloudflare lacks, and deploy the service there.')
    .addOption(
      oneOf(new Option('--env <name>', 'which environment'), ['staging', 'production']).makeOptionMandatory(),
    )
    .option('--dry-run', 'bundle, check size and start-up, say what would be done')
    .option('--api-key-stdin', 'read the key of a new deployment from standard input')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
It may be run again whenever it failed. A new deployment without a given key (API_KEY, --api-key-stdin) gets one,
which is printed on standard output this once.

Example:
  softmargin deploy --env staging --dry-run`,
    )
    .action(async ({ env, dryRun, apiKeyStdin, json }: DeployOptions) => {
      const child = spawn(
        process.execPath,
        [
          ...['functions/scripts/deploy.ts', '--env', env],
          ...(dryRun ? ['--dry-run'] : []),
          ...(apiKeyStdin ? ['--api-key-stdin'] : []),
        ],
        { cwd: REPOSITORY, stdio: ['inherit', 'pipe', 'inherit'] },
      );
      const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
      if (code !== 0) process.exitCode = code ?? 1;
      else if (json) {
        const environment = env;
        console.log(JSON.stringify({ environment, dryRun: Boolean(dryRun), key: printed.trim() || null }));
      } else process.stdout.write(printed);
    });
}
