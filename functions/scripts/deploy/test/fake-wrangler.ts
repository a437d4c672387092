import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** An account as this stand-in for wrangler keeps it, in a file. */
export interface Account {
  buckets: string[];
  queues: string[];
  /** Migrations applied, by database. */
  databases: Record<string, number>;
  /** Secrets of each deployed Worker, by environment. */
  workers: Record<string, Record<string, string>>;
  /** What it was called with. */
  calls: string[][];
  /** Permission bits of the files that secrets came in. */
  secretFileModes: number[];
  /** The number of a call that fails, and whether it does so before or after it did what it was asked. */
  failure?: { call: number; when: 'before' | 'after' };
}

/** Where a fake Worker is deployed to. */
export const addressOf = (environment: string) => `https://softmargin-${environment}.example.workers.dev`;

/** The place in history that every database is at. */
export const BOOKMARK = '00000085-0000024c-00004c6d-8e61117bf38d7adb71b934ebbf891683';

const MIGRATIONS = 3;

export const emptyAccount: Account = {
  buckets: [],
  queues: [],
  databases: {},
  workers: {},
  calls: [],
  secretFileModes: [],
};

/**
 * Does to the account in a file what wrangler 4.156 does to a real one, and prints what it prints. Making what
 * exists fails, as it does there.
 */
export function runFakeWrangler(file: string, options: string[]): void {
  const account: Account = JSON.parse(readFileSync(file, 'utf8'));
  account.calls.push(options);
  const save = () => writeFileSync(file, JSON.stringify(account));
  save();
  const failing = account.failure?.call === account.calls.length - 1 ? account.failure.when : undefined;
  try {
    if (failing === 'before') fail('fetch failed');
    answer(account, options);
    save();
    if (failing === 'after') fail('Request timed out.');
  } catch (error) {
    process.stderr.write(
      `✘ [ERROR] ${failing === 'after' ? 'Request timed out.' : (error as Error).message}\n`,
    );
    process.exitCode = 1;
  }
}

interface Values {
  readonly env?: string | undefined;
  readonly outdir?: string | undefined;
  readonly 'secrets-file'?: string | undefined;
  readonly 'dry-run'?: boolean | undefined;
}

const commands: Record<string, (account: Account, name: string, values: Values) => void> = {
  'r2 bucket info': ({ buckets }, name) => {
    if (!buckets.includes(name)) fail('The specified bucket does not exist. [code: 10006]');
    print(JSON.stringify({ name }));
  },
  'r2 bucket create': ({ buckets }, name) => {
    if (buckets.includes(name)) fail('The bucket you tried to create already exists. [code: 10004]');
    buckets.push(name);
  },
  'queues info': ({ queues }, name) => {
    if (!queues.includes(name)) {
      fail(`Queue "${name}" does not exist. To create it, run: wrangler queues create ${name}`);
    }
    print(`Queue Name: ${name}`);
  },
  'queues create': ({ queues }, name) => {
    if (queues.includes(name)) fail(`Queue name '${name}' is already taken. [code: 11009]`);
    queues.push(name);
  },
  'd1 list': ({ databases }) => {
    print(JSON.stringify(Object.keys(databases).map((name) => ({ uuid: `id of ${name}`, name }))));
  },
  'd1 create': ({ databases }, name) => {
    if (name in databases) fail('A database with that name already exists');
    databases[name] = 0;
  },
  'd1 time-travel info': () => print(JSON.stringify({ bookmark: BOOKMARK })),
  'd1 migrations apply': ({ databases }, name) => {
    if (!(name in databases)) fail(`Couldn't find a D1 DB named '${name}'`);
    databases[name] = MIGRATIONS;
  },
  'secret list': ({ workers }, _, { env = '' }) => {
    if (!(env in workers)) fail(`Worker "softmargin-${env}" (env: ${env}) not found.`);
    print(JSON.stringify(Object.keys(workers[env]).map((name) => ({ name, type: 'secret_text' }))));
  },
  deploy: (account, _, values) => (values['dry-run'] ? bundle(values) : upload(account, values)),
};

function answer(account: Account, options: string[]): void {
  const { positionals, values } = parseArgs({
    args: options,
    options: {
      env: { type: 'string' },
      outdir: { type: 'string' },
      format: { type: 'string' },
      'secrets-file': { type: 'string' },
      'dry-run': { type: 'boolean' },
      json: { type: 'boolean' },
      remote: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const line = positionals.join(' ');
  const command = Object.keys(commands).find((known) => line === known || line.startsWith(`${known} `));
  if (command === undefined) fail(`Unknown arguments: ${line}`);
  commands[command](account, positionals.at(-1) as string, values);
}

function bundle({ outdir = '' }: Values): void {
  mkdirSync(outdir, { recursive: true });
  writeFileSync(join(outdir, 'index.js'), 'export default { fetch: () => new Response() };');
}

function upload({ buckets, queues, databases, workers, secretFileModes }: Account, values: Values): void {
  const { env = '', 'secrets-file': secretsFile } = values;
  if (!buckets.includes(`softmargin-${env}`)) fail('The bucket is missing.');
  if (!queues.includes(`softmargin-${env}-shards`)) fail('The queue is missing.');
  if (databases[`softmargin-${env}`] !== MIGRATIONS) fail('The database lacks migrations.');
  workers[env] ??= {};
  if (secretsFile !== undefined) {
    secretFileModes.push(statSync(secretsFile).mode & 0o777);
    Object.assign(workers[env], JSON.parse(readFileSync(secretsFile, 'utf8')));
  }
  print(`Deployed softmargin-${env} triggers (1.2 sec)\n  ${addressOf(env)}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(message: string): never {
  throw new Error(message);
}
