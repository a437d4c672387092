import { applyD1Migrations, type D1Migration } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test, vi } from 'vitest';

// A migration is many calls to the database, and machines are busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const { EMPTY: database, MIGRATIONS: migrations } = env;

/** Rows of each table: one value after the other of a column that allows only some, with and without the optional. */
const ROWS = 12;

type Value = string | number | null;
type Row = Readonly<Record<string, Value>>;

interface Column {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly pk: number;
}

async function all<T>(query: string, ...values: Value[]): Promise<T[]> {
  return (
    await database
      .prepare(query)
      .bind(...values)
      .all<T>()
  ).results;
}

function tables(): Promise<{ name: string; sql: string }[]> {
  return all(`SELECT name, sql FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'`);
}

beforeEach(async () => {
  await database.batch([
    database.prepare('PRAGMA defer_foreign_keys = on'),
    ...(await tables()).map(({ name }) => database.prepare(`DROP TABLE ${name}`)),
  ]);
});

/** Fills every table that the service has, whatever its columns are. @returns the rows by table. */
async function fill(): Promise<Map<string, Row[]>> {
  const filled = new Map<string, Row[]>();
  const inserts: D1PreparedStatement[] = [];
  for (const { name, sql } of await tables()) {
    if (name === 'd1_migrations') continue;
    const columns = await all<Column>('SELECT name, type, "notnull", pk FROM pragma_table_info(?)', name);
    const references = await all<{ from: string; table: string; to: string | null }>(
      'SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)',
      name,
    );
    const rows = Array.from({ length: ROWS }, (_, row) =>
      Object.fromEntries(
        columns.map((column, index) => {
          // A reference is to the row of the same number.
          const reference = references.find(({ from }) => from === column.name);
          const source =
            reference === undefined ? [name, column.name] : [reference.table, reference.to ?? column.name];
          return [column.name, sample(column, index, row, source.join('.'), allowed(sql, column.name))];
        }),
      ),
    );
    filled.set(name, rows);
    for (const row of rows) {
      const marks = columns.map(() => '?').join(', ');
      inserts.push(
        database
          .prepare(`INSERT INTO ${name} (${columns.map(({ name }) => name).join(', ')}) VALUES (${marks})`)
          .bind(...Object.values(row)),
      );
    }
  }
  await database.batch([database.prepare('PRAGMA defer_foreign_keys = on'), ...inserts]);
  return filled;
}

/** The values that `CHECK (column IN (…))` allows; none where there is no such check. */
function allowed(sql: string, column: string): Value[] {
  const list = new RegExp(`CHECK \\(${column} IN \\(([^)]*)\\)\\)`).exec(sql)?.[1];
  return list === undefined
    ? []
    : list.split(',').map((item) => {
        const text = item.trim();
        return text.startsWith("'") ? text.slice(1, -1) : Number(text);
      });
}

function sample(
  { type, notnull, pk }: Column,
  index: number,
  row: number,
  source: string,
  among: Value[],
): Value {
  if (notnull === 0 && pk === 0 && row % 2 === 1) return null;
  if (among.length > 0) return among[row % among.length];
  // Text of every kind that UTF-8 has, quotes included.
  return type === 'TEXT' ? `${source} ${row} é'"𝄞` : 1000 * index + row;
}

/** Rows that are not what they were: in a table of their own, and each once. */
async function lost(filled: ReadonlyMap<string, readonly Row[]>): Promise<string[]> {
  const found: string[] = [];
  for (const [table, rows] of filled) {
    const look = rows.map((row) => {
      const same = Object.keys(row).map((column) => `"${column}" IS ?`);
      return database
        .prepare(`SELECT COUNT(*) AS n FROM ${table} WHERE ${same.join(' AND ')}`)
        .bind(...Object.values(row));
    });
    const counts = await database.batch<{ n: number }>(look).catch((error: Error) => error);
    for (const [index, row] of rows.entries()) {
      const n = counts instanceof Error ? counts.message : counts[index].results[0].n;
      if (n !== 1) found.push(`${table}: ${n} of ${JSON.stringify(row)}`);
    }
  }
  return found;
}

async function losses(before: readonly D1Migration[], after: readonly D1Migration[]): Promise<string[]> {
  await applyD1Migrations(database, [...before]);
  const filled = await fill();
  expect(filled.size).toBeGreaterThan(0);
  expect(await lost(filled)).toEqual([]);
  await applyD1Migrations(database, [...before, ...after]);
  return lost(filled);
}

describe.each(migrations.slice(0, -1).map(({ name }, index) => [name, index + 1] as const))(
  'from the schema of %s',
  (_, count) => {
    test('every row comes through all later migrations as it was', async () => {
      expect(await losses(migrations.slice(0, count), migrations.slice(count))).toEqual([]);
    });
  },
);

describe('a migration is found out that', () => {
  test.each([
    ['deletes rows', "DELETE FROM sets WHERE name LIKE '% 3 %'", 1],
    ['changes values', 'UPDATE models SET bytes = bytes + 1', ROWS],
    ['drops a column', 'ALTER TABLE sets DROP COLUMN dimension', ROWS],
    ['drops a table', 'DROP TABLE models', ROWS],
    ['fills in what is not there', "UPDATE evaluations SET error = 'none' WHERE error IS NULL", ROWS / 2],
  ])('%s', async (_, query, rows) => {
    const harmful = { name: '9999_harmful.sql', queries: [query] };
    expect(await losses(migrations.slice(0, 1), [harmful])).toHaveLength(rows);
  });
});
