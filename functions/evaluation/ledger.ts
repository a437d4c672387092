import type { Shard } from '@softmargin/shared/metrics/shards.ts';
import type { EvaluationOrder } from './order.ts';

/** A shard as the ledger has it. */
export interface LedgerShard extends Shard {
  readonly shard: number;
  readonly state: 'waiting' | 'out' | 'done';
  /** How often it was sent. */
  readonly attempts: number;
  /** When it was last sent, in milliseconds since 1970; 0 before. */
  readonly sentAt: number;
  readonly error: string | null;
}

/** How an evaluation ended. */
export type Outcome =
  | { readonly state: 'succeeded'; readonly result: unknown }
  | { readonly state: 'failed'; readonly error: { readonly message: string; readonly code: string } };

interface JobRow extends Record<string, SqlStorageValue> {
  evaluation: string;
  evaluation_order: string;
  outcome: string | null;
  heard_at: number | null;
}

/** An evaluation as the ledger has it. */
export interface LedgerJob {
  readonly evaluation: string;
  readonly order: EvaluationOrder;
  readonly outcome: Outcome | undefined;
  /** When a worker was last heard of, in milliseconds since 1970; `undefined` before. */
  readonly heardAt: number | undefined;
}

const COLUMNS = 'shard, start, count, state, attempts, sent_at AS sentAt, error';

/** What is done of one evaluation and what is not, in the SQLite database of its Durable Object. */
export class Ledger {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS job (
        evaluation TEXT NOT NULL,
        evaluation_order TEXT NOT NULL,
        outcome TEXT,
        heard_at INTEGER
      ) STRICT;
      CREATE TABLE IF NOT EXISTS shards (
        shard INTEGER PRIMARY KEY,
        start INTEGER NOT NULL,
        count INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting',
        attempts INTEGER NOT NULL DEFAULT 0,
        sent_at INTEGER NOT NULL DEFAULT 0,
        error TEXT,
        scores BLOB
      ) STRICT;
    `);
  }

  open(evaluation: string, order: EvaluationOrder, shards: readonly Shard[]): void {
    this.#sql.exec(
      'INSERT INTO job (evaluation, evaluation_order) VALUES (?, ?)',
      evaluation,
      JSON.stringify(order),
    );
    for (const [shard, { start, count }] of shards.entries()) {
      this.#sql.exec('INSERT INTO shards (shard, start, count) VALUES (?, ?, ?)', shard, start, count);
    }
  }

  /** The evaluation that this ledger is of; `undefined` before `open`. */
  job(): LedgerJob | undefined {
    const [row] = this.#sql.exec<JobRow>('SELECT * FROM job').toArray();
    if (row === undefined) return undefined;
    return {
      evaluation: row.evaluation,
      order: JSON.parse(row.evaluation_order),
      outcome: row.outcome === null ? undefined : JSON.parse(row.outcome),
      heardAt: row.heard_at ?? undefined,
    };
  }

  shard(shard: number): LedgerShard | undefined {
    return this.#select('WHERE shard = ?', shard)[0];
  }

  /** Shards that were never sent, in order, up to a number. */
  waiting(limit: number): LedgerShard[] {
    return this.#select("WHERE state = 'waiting' ORDER BY shard LIMIT ?", limit);
  }

  /** Shards that were sent and of which nothing came back. */
  out(): LedgerShard[] {
    return this.#select("WHERE state = 'out' ORDER BY shard");
  }

  progress(): { done: number; total: number; queries: number } {
    return this.#sql
      .exec<{ done: number; total: number; queries: number }>(
        "SELECT COUNT(*) FILTER (WHERE state = 'done') AS done, COUNT(*) AS total, SUM(count) AS queries FROM shards",
      )
      .one();
  }

  sent(shard: number, now: number): void {
    this.#sql.exec(
      "UPDATE shards SET state = 'out', attempts = attempts + 1, sent_at = ? WHERE shard = ?",
      now,
      shard,
    );
  }

  heard(now: number): void {
    this.#sql.exec('UPDATE job SET heard_at = ?', now);
  }

  failed(shard: number, error: string): void {
    this.#sql.exec('UPDATE shards SET error = ? WHERE shard = ?', error, shard);
  }

  done(shard: number, scores: Uint8Array): void {
    this.#sql.exec("UPDATE shards SET state = 'done', scores = ? WHERE shard = ?", scores, shard);
  }

  /** The scores of every shard that is done, in the order of the queries. */
  scores(): Uint8Array[] {
    return this.#sql
      .exec<{ scores: ArrayBuffer }>("SELECT scores FROM shards WHERE state = 'done' ORDER BY shard")
      .toArray()
      .map(({ scores }) => new Uint8Array(scores));
  }

  /** Ends the evaluation. The scores of its shards are not needed any more and are dropped. */
  close(outcome: Outcome): void {
    this.#sql.exec('UPDATE job SET outcome = ?', JSON.stringify(outcome));
    this.#sql.exec('UPDATE shards SET scores = NULL');
  }

  #select(rest: string, ...values: SqlStorageValue[]): LedgerShard[] {
    return this.#sql
      .exec<Record<string, SqlStorageValue>>(`SELECT ${COLUMNS} FROM shards ${rest}`, ...values)
      .toArray()
      .map((row) => row as unknown as LedgerShard);
  }
}
