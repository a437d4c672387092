import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { deploy, rehearse } from './deploy.ts';
import { readTarget } from './target.ts';
import { type Account, addressOf, BOOKMARK, emptyAccount } from './test/fake-wrangler.ts';
import { wranglerCommand } from './wrangler-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'softmargin-fake-account-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const target = readTarget('staging');

/** An account, and deployments to it through a process that stands in for wrangler. */
class FakeCloudflare {
  readonly shown: string[] = [];
  readonly steps: string[] = [];
  readonly #file: string;
  readonly #program: string;
  readonly #report = {
    step: (line: string) => void this.steps.push(line),
    newKey: (key: string) => void this.shown.push(key),
  };

  constructor(account: Partial<Account> = {}) {
    const name = `${readdirSync(folder).length}`;
    this.#file = join(folder, `${name}.json`);
    this.#program = join(folder, `${name}.mjs`);
    writeFileSync(this.#file, JSON.stringify({ ...emptyAccount, ...account }));
    const fake = JSON.stringify(new URL('test/fake-wrangler.ts', import.meta.url).href);
    writeFileSync(
      this.#program,
      `import { runFakeWrangler } from ${fake};\nrunFakeWrangler(${JSON.stringify(this.#file)}, process.argv.slice(2));`,
    );
  }

  get account(): Account {
    return JSON.parse(readFileSync(this.#file, 'utf8'));
  }

  set(changes: Partial<Account>): void {
    writeFileSync(this.#file, JSON.stringify({ ...this.account, ...changes }));
  }

  deploy(key?: string): Promise<void> {
    return deploy(wranglerCommand(this.#program), target, this.#report, key);
  }

  rehearse(): ReturnType<typeof rehearse> {
    return rehearse(wranglerCommand(this.#program), target, this.#report);
  }
}

/** What an account holds, without how it came to it. */
function holdings({ buckets, queues, databases, workers }: Account): unknown {
  return { buckets, queues, databases, secrets: Object.keys(workers.staging ?? {}) };
}

const whole = {
  buckets: ['softmargin-staging'],
  queues: ['softmargin-staging-shards'],
  databases: { 'softmargin-staging': 3 },
  secrets: ['API_KEY'],
};

test('an empty account gets everything, with a key that is shown once', async () => {
  const cloudflare = new FakeCloudflare();
  await cloudflare.deploy();
  const { account, shown, steps } = cloudflare;
  expect(holdings(account)).toEqual(whole);
  expect(shown).toEqual([account.workers.staging.API_KEY]);
  expect(shown[0]).toMatch(/^sm_[\w-]{43}$/);
  expect(account.secretFileModes).toEqual([0o600]);
  expect(JSON.stringify([account.calls, steps])).not.toContain(shown[0]);
  expect(steps.at(-1)).toBe(`Worker softmargin-staging: deployed to ${addressOf('staging')}`);
});

test('done again it makes nothing, and notes where the database can be taken back to', async () => {
  const cloudflare = new FakeCloudflare();
  await cloudflare.deploy();
  const before = cloudflare.account;
  await cloudflare.deploy('another-key-that-is-long-enough-0123');
  const { account, shown, steps } = cloudflare;
  expect(holdings(account)).toEqual(whole);
  expect(account.workers).toEqual(before.workers);
  expect(shown).toHaveLength(1);
  const calls = account.calls.slice(before.calls.length).map((call) => call.join(' '));
  expect(calls.filter((call) => /create|secrets-file/.test(call))).toEqual([]);
  expect(steps).toContain(`D1 database softmargin-staging: before this, at bookmark ${BOOKMARK}`);
  expect(steps).toContain('Secret API_KEY: is there; the key that was given is not used');
});

test('a key that is given is set and not shown', async () => {
  const key = 'a-key-of-my-own-with-characters-enough';
  const cloudflare = new FakeCloudflare();
  await cloudflare.deploy(key);
  const { account, shown, steps } = cloudflare;
  expect(account.workers.staging).toEqual({ API_KEY: key });
  expect(shown).toEqual([]);
  expect(JSON.stringify([account.calls, steps])).not.toContain(key);
});

test('what others made is left as it is', async () => {
  const cloudflare = new FakeCloudflare({
    buckets: ['theirs', 'softmargin-production', 'softmargin-staging'],
    databases: { 'softmargin-production': 2 },
  });
  await cloudflare.deploy();
  const { buckets, databases } = cloudflare.account;
  expect(buckets).toEqual(['theirs', 'softmargin-production', 'softmargin-staging']);
  expect(databases).toEqual({ 'softmargin-production': 2, 'softmargin-staging': 3 });
});

test('wherever it fails, the next run ends as if it had not', { timeout: 600_000 }, async () => {
  const undisturbed = new FakeCloudflare();
  await undisturbed.deploy();
  const { calls } = undisturbed.account;
  expect(calls.length).toBeGreaterThan(8);

  for (let call = 0; call < calls.length; call++) {
    // A question that is not answered is the same before and after.
    const changes = /create|apply|secrets-file/.test(calls[call].join(' '));
    for (const when of changes ? (['before', 'after'] as const) : (['before'] as const)) {
      const cloudflare = new FakeCloudflare({ failure: { call, when } });
      await expect(cloudflare.deploy(), `call ${call}, ${when}`).rejects.toThrow(
        /^wrangler .* failed \(exit code 1\)/,
      );
      expect(cloudflare.account.calls, 'nothing is done after a failure').toHaveLength(call + 1);

      await cloudflare.deploy();
      const { account, shown } = cloudflare;
      expect(holdings(account), `call ${call}, ${when}`).toEqual(whole);
      // Whoever ran both knows the key that is in force, even where the first failed after its upload.
      expect(shown.at(-1), `call ${call}, ${when}`).toBe(account.workers.staging.API_KEY);
    }
  }
});

test('no answer is not the answer that something is missing', async () => {
  const cloudflare = new FakeCloudflare();
  await cloudflare.deploy();
  const bucketLook = cloudflare.account.calls.findIndex((call) =>
    call.join(' ').startsWith('r2 bucket info'),
  );
  const again = new FakeCloudflare({ failure: { call: bucketLook, when: 'before' } });
  await expect(again.deploy()).rejects.toThrow('fetch failed');
  expect(again.account.buckets).toEqual([]);
});

test('a dry run asks the account nothing', async () => {
  const cloudflare = new FakeCloudflare();
  await cloudflare.rehearse();
  expect(cloudflare.account.calls.map((call) => call.slice(0, 2))).toEqual([['deploy', '--dry-run']]);
  expect(cloudflare.steps.join('\n')).toMatch(
    /R2 bucket softmargin-staging: .*\nD1 database softmargin-staging: .*\nQueue softmargin-staging-shards: /,
  );
});
