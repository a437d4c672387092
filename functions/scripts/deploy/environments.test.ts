import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import { INVOCATION_CPU_MS, RATE_LIMIT, RATE_PERIOD_SECONDS } from '../../limits.ts';
import { root } from '../wrangler.ts';
import { MAX_SCRIPT_GZIP_BYTES, MAX_STARTUP_CPU_MS } from './budget.ts';
import { bundle } from './bundle.ts';
import { measureStartup } from './startup.ts';
import { environments, readTarget } from './target.ts';
import { wranglerCommand } from './wrangler-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'softmargin-environments-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An environment with every name that holds its own taken off, as `softmargin-staging-shards` to `softmargin-shards`. */
function read(environment?: string): unknown {
  const config = unstable_readConfig({
    config: join(root, 'wrangler.toml'),
    ...(environment !== undefined && { env: environment }),
  });
  const { name, vars, limits, assets, observability, placement, compatibility_date, compatibility_flags } =
    config;
  const { r2_buckets, d1_databases, queues, durable_objects, migrations, rules, minify } = config;
  // Each counts on its own.
  const ratelimits = config.ratelimits.map((limit: object) => ({ ...limit, namespace_id: undefined }));
  const settings = {
    name,
    vars,
    limits,
    assets,
    observability,
    placement,
    compatibility_date,
    compatibility_flags,
    minify,
  };
  const bindings = { r2_buckets, d1_databases, queues, durable_objects, migrations, rules, ratelimits };
  return JSON.parse(
    JSON.stringify({ ...settings, ...bindings }).replaceAll(`softmargin-${environment}`, 'softmargin'),
  );
}

describe.each(environments)('%s', (environment) => {
  test('is what runs on this machine, under names of its own', () => {
    expect(read(environment)).toEqual(read());
    const { worker, buckets, databases, queues } = readTarget(environment);
    for (const name of [worker, ...buckets, ...databases, ...queues]) expect(name).toContain(environment);
  });

  test('counts the requests of a key as the service says', () => {
    expect(read(environment)).toMatchObject({
      ratelimits: [{ name: 'REQUESTS', simple: { limit: RATE_LIMIT, period: RATE_PERIOD_SECONDS } }],
    });
  });

  test('has the processor time that shards are planned for', () => {
    expect(read(environment)).toMatchObject({ limits: { cpu_ms: INVOCATION_CPU_MS } });
  });

  test('passes a dry run, within its size', async () => {
    const { gzipBytes } = await bundle(wranglerCommand(), environment, join(folder, environment));
    expect(gzipBytes).toBeLessThan(MAX_SCRIPT_GZIP_BYTES);
  });
});

/**
 * Processor time depends on the processor: of two that this ran on, one takes twice what the other does. The bare
 * runtime's start is measured beside it and sets the scale.
 */
const RUNTIME_CPU_MS = 25;

test.runIf(process.platform === 'linux')('the Worker starts within its processor time', async () => {
  const target = readTarget('production');
  const built = await bundle(wranglerCommand(), 'production', join(folder, 'startup'));
  const startup = await measureStartup(built, target);
  if (startup === undefined) throw new Error('Linux tells the processor time of a thread.');
  const { cpuMs, runtimeCpuMs } = startup;
  expect(cpuMs).toBeGreaterThan(0);
  expect(cpuMs / Math.max(1, runtimeCpuMs / RUNTIME_CPU_MS)).toBeLessThan(MAX_STARTUP_CPU_MS);
});
