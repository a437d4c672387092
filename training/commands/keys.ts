import { collect, type KeyDescription, type Scope, scopes } from '@softmargin/client';
import { Command, InvalidArgumentError } from 'commander';
import { addServiceOptions, connect, type ServiceOptions } from '../service/connection.ts';
import { didYouMean } from '../terminal/did-you-mean.ts';
import { printResult } from '../terminal/result.ts';
import { renderTable } from '../terminal/table.ts';

interface Options extends ServiceOptions {
  readonly json?: true;
}

interface CreateOptions extends Options {
  readonly scopes: readonly Scope[];
  readonly expires?: string;
  readonly owner?: string;
}

/** `softmargin keys`: what opens the service; needs a key with the scope `admin`. */
export function keysCommand(signal: AbortSignal): Command {
  const create = addServiceOptions(new Command('create'))
    .description('Make a key. It is printed this once: the service keeps only its hash.')
    .argument('<name>', 'what it is for, in words of yours')
    .requiredOption('--scopes <list>', `what it may do, by commas: ${scopes.join(', ')}`, scopeList)
    .option('--expires <when>', 'after a time (90d, 12h) or at a date (2027-01-31); never without it', expiry)
    .option('--owner <name>', 'whose it is, if you administer the service (default: yourself)')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Standard output has the key alone, so that it can go into a file or a variable.

Example:
  softmargin keys create "nightly evaluation" --scopes embed,evaluate --expires 90d`,
    )
    .action(async (name: string, options: CreateOptions) => {
      const client = await connect(options);
      const { scopes, expires: expiresAt, owner } = options;
      const created = await client.keys.create({ name, scopes, expiresAt, owner }, signal);
      console.error(
        `  Key ${created.id} of ${created.owner} (${created.scopes.join(', ')}), shown this once.`,
      );
      printResult(options, created, ({ key }) => key);
    });
  const list = addServiceOptions(new Command('list'))
    .description('List keys, without the keys themselves.')
    .option('--owner <name>', 'only of this owner, if you administer the service')
    .option('--json', 'print one JSON object')
    .action(async ({ owner, ...options }: Options & { owner?: string }) => {
      const client = await connect(options);
      const data = await collect(client.keys.list(owner, signal));
      printResult(options, { data }, () => renderKeys(data));
    });
  const revoke = addServiceOptions(new Command('revoke'))
    .description('Revoke keys, by the ids that the list has: from now on they open nothing.')
    .argument('<ids...>')
    .option('--json', 'print one JSON object')
    .action(async (ids: string[], options: Options) => {
      const client = await connect(options);
      const data: KeyDescription[] = [];
      for (const id of ids) data.push(await client.keys.revoke(id, signal));
      printResult(options, { data }, () => `Revoked ${ids.join(', ')}`);
    });
  return new Command('keys')
    .description('Keys of the service: create, list, revoke.')
    .addCommand(create)
    .addCommand(list)
    .addCommand(revoke);
}

function scopeList(text: string): readonly Scope[] {
  return text.split(',').map((part) => {
    const scope = scopes.find((name) => name === part.trim());
    if (scope !== undefined) return scope;
    throw new InvalidArgumentError(
      `"${part}" is no scope; there are ${scopes.join(', ')}.${didYouMean(part, scopes)}`,
    );
  });
}

const UNITS = { h: 3_600_000, d: 86_400_000 } as const;

function expiry(text: string): string {
  const [, count, unit] = /^(\d{1,5})([hd])$/.exec(text) ?? [];
  const time =
    unit === undefined ? Date.parse(text) : Date.now() + Number(count) * UNITS[unit as keyof typeof UNITS];
  if (Number.isNaN(time)) throw new InvalidArgumentError('It must be a time such as 90d or 12h, or a date.');
  return new Date(time).toISOString();
}

function renderKeys(keys: readonly KeyDescription[]): string {
  return renderTable(
    ['id', 'owner', 'name', 'scopes', 'state', 'last used'],
    keys.map(({ id, owner, name, scopes, expiresAt, revokedAt, lastUsedAt }) => [
      ...[id, owner, name, scopes.join(',')],
      revokedAt !== null ? 'revoked' : expiresAt === null ? 'in force' : `until ${expiresAt}`,
      lastUsedAt,
    ]),
  );
}
