import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { SetDescription } from './service.ts';

/** The part of a Durable Object's SQLite storage that the ledger uses, on Node's SQLite. It counts what it does. */
export class ObjectStorage {
  statements = 0;
  /** Rows that were given back. */
  rows = 0;
  readonly #database = new DatabaseSync(':memory:');

  exec(query: string, ...values: SQLInputValue[]): { toArray(): object[]; one(): object } {
    this.statements++;
    const several = /;\s*\S/.test(query);
    if (several) this.#database.exec(query);
    const rows = several
      ? []
      : this.#database
          .prepare(query)
          .all(...values)
          .map(asStored);
    this.rows += rows.length;
    return { toArray: () => rows, one: () => rows[0] };
  }

  transaction<Result>(action: () => Result): Result {
    this.#database.exec('BEGIN');
    try {
      const result = action();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  get bytes(): number {
    const pragma = (name: string) => Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    return Number(pragma('page_count')) * Number(pragma('page_size'));
  }

  close(): void {
    this.#database.close();
  }
}

/** Cloudflare's SQLite gives a BLOB as an ArrayBuffer. */
function asStored(row: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? new Uint8Array(value).buffer : value,
    ]),
  );
}

const MIGRATIONS = new URL('../../../functions/migrations/', import.meta.url);

/** The catalogue, with the migrations of the service, behind the part of D1's interface that evaluations use. */
export class Catalogue {
  queries = 0;
  readonly #database = new DatabaseSync(':memory:');

  constructor() {
    for (const file of readdirSync(MIGRATIONS).sort()) {
      if (file.endsWith('.sql')) this.#database.exec(readFileSync(new URL(file, MIGRATIONS), 'utf8'));
    }
  }

  /** Records a set that evaluations may name. */
  addSet({ name, sha256, count, dimension }: SetDescription): void {
    this.#database
      .prepare('INSERT INTO sets (name, sha256, count, dimension, created_at) VALUES (?, ?, ?, ?, ?)')
      .run(name, sha256, count, dimension, new Date().toISOString());
  }

  prepare(query: string, values: readonly SQLInputValue[] = []): object {
    // D1 numbers its parameters, Node's SQLite takes them in order.
    const numbers = [...query.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number));
    const bound = numbers.length === 0 ? values : numbers.map((number) => values[number - 1]);
    const statement = () => {
      this.queries++;
      return this.#database.prepare(query.replaceAll(/\?\d+/g, '?'));
    };
    return {
      bind: (...given: SQLInputValue[]) => this.prepare(query, given),
      run: async () => ({ meta: { changes: Number(statement().run(...bound).changes) } }),
      first: async () => statement().get(...bound) ?? null,
      all: async () => ({ results: statement().all(...bound) }),
    };
  }
}
