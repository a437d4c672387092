import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKey } from '../local-key.ts';
import { MAX_SCRIPT_GZIP_BYTES, MAX_STARTUP_CPU_MS } from './budget.ts';
import { type Bundle, bundle } from './bundle.ts';
import { bookmark, migrate } from './migrate.ts';
import { ensureBucket, ensureDatabase, ensureQueue } from './provision.ts';
import { API_KEY, deployWith, secretNames } from './secrets.ts';
import { measureStartup, type Startup } from './startup.ts';
import type { Target } from './target.ts';
import type { Wrangler } from './wrangler-command.ts';

/** Where a deployment tells how it goes. */
export interface Report {
  /** A line on a step. */
  step(line: string): void;
  /** A key that was made just now: told once, and never again. */
  newKey(key: string): void;
}

/**
 * Bundles the Worker as it would be uploaded, starts it in workerd and says what a deployment does. Needs no
 * account and no network.
 *
 * @throws {RangeError} where the script is too large to be deployed.
 */
export async function rehearse(wrangler: Wrangler, target: Target, report: Report): Promise<void> {
  const { step } = report;
  const startup = await withBundle(wrangler, target, report, (built) => measureStartup(built, target));
  if (startup !== undefined) step(describeStartup(startup));
  const { environment, worker, buckets, databases, queues } = target;
  for (const bucket of buckets) step(`R2 bucket ${bucket}: is made if it is not there`);
  for (const database of databases) {
    step(`D1 database ${database}: is made if it is not there; migrations that it does not have are applied`);
  }
  for (const queue of queues) step(`Queue ${queue}: is made if it is not there`);
  step(
    `Secret ${API_KEY}: is set if it is not there, to the key that is given or to a new one, which is shown`,
  );
  step(`Worker ${worker}: is deployed from [env.${environment}] of wrangler.toml`);
}

/**
 * Makes what is missing of an environment and deploys its Worker. What is there is left as it is, so that after a
 * failure, wherever it was, the same deployment goes on. Migrations come before the code that needs them.
 *
 * @param key for a deployment that has none yet; without, one is made.
 * @throws {WranglerError} where wrangler fails; nothing is done after that.
 */
export async function deploy(
  wrangler: Wrangler,
  target: Target,
  report: Report,
  key?: string,
): Promise<void> {
  const { step, newKey } = report;
  // What cannot be uploaded fails here, before anything is made.
  await withBundle(wrangler, target, report, async () => {});
  const { environment, worker, buckets, databases, queues } = target;
  const word = (made: boolean) => (made ? 'made' : 'is there');
  // The first question that needs an account: what fails for want of one fails before anything is made.
  const secrets = await secretNames(wrangler, environment);
  for (const bucket of buckets) step(`R2 bucket ${bucket}: ${word(await ensureBucket(wrangler, bucket))}`);
  for (const queue of queues) step(`Queue ${queue}: ${word(await ensureQueue(wrangler, queue))}`);
  for (const database of databases) {
    const made = await ensureDatabase(wrangler, database);
    step(`D1 database ${database}: ${word(made)}`);
    if (!made)
      step(`D1 database ${database}: before this, at bookmark ${await bookmark(wrangler, database)}`);
    await migrate(wrangler, database, environment);
    step(`D1 database ${database}: has all migrations`);
  }

  const missing: Record<string, string> = {};
  if (secrets.includes(API_KEY)) {
    step(`Secret ${API_KEY}: is there${key === undefined ? '' : '; the key that was given is not used'}`);
  } else {
    missing[API_KEY] = key ?? generateKey();
    step(`Secret ${API_KEY}: is set with this deployment`);
    // Before it is in force: a deployment that fails after its upload has set it all the same.
    if (key === undefined) newKey(missing[API_KEY]);
  }
  const printed = await deployWith(wrangler, environment, missing);
  const [address] = /https:\/\/\S+/.exec(printed) ?? [];
  step(`Worker ${worker}: deployed${address === undefined ? '' : ` to ${address}`}`);
}

/** Bundles a Worker and does something with it, unless it is too large to be deployed. */
async function withBundle<Result>(
  wrangler: Wrangler,
  { environment }: Target,
  { step }: Report,
  use: (built: Bundle) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-bundle-'));
  try {
    const built = await bundle(wrangler, environment, folder);
    const { bytes, gzipBytes } = built;
    step(`Script: ${kB(bytes)}, ${kB(gzipBytes)} gzipped, of ${kB(MAX_SCRIPT_GZIP_BYTES)}`);
    if (gzipBytes > MAX_SCRIPT_GZIP_BYTES) {
      throw new RangeError(
        `The script has ${gzipBytes} bytes gzipped, more than the ${MAX_SCRIPT_GZIP_BYTES} that are allowed.`,
      );
    }
    return await use(built);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function describeStartup({ cpuMs, runtimeCpuMs }: Startup): string {
  const slow = cpuMs > MAX_STARTUP_CPU_MS ? ': slower than it should be, or a slow machine' : '';
  return (
    `Start-up: ${cpuMs.toFixed(0)} ms of processor time here, of ${MAX_STARTUP_CPU_MS} ` +
    `(the bare runtime: ${runtimeCpuMs.toFixed(0)} ms)${slow}`
  );
}

function kB(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`;
}
