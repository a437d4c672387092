import type { Shard } from '@softmargin/shared/metrics/shards.ts';
import type { EvaluationOrder } from './order.ts';
import type { Pace } from './progress.ts';
import type { Webhook } from './webhook.ts';

/** A shard as the ledger has it. */
export interface LedgerShard extends Shard {
  readonly shard: number;
  readonly state: 'waiting' | 'out' | 'done';
  /** How often its worker said that it failed. */
  readonly failures: number;
  /** How often it was sent and nothing came back. */
  readonly losses: number;
  /** When it was last sent, in milliseconds since 1970; 0 before. */
  readonly sentAt: number;
  readonly error: string | null;
}

/** How an evaluation ended, and when. */
export type Outcome = { readonly finishedAt: string } & (
  | { readonly state: 'succeeded'; readonly result: unknown }
  | { readonly state: 'failed'; readonly error: { readonly message: string; readonly code: string } }
  | { readonly state: 'cancelled' }
);

interface JobRow extends Record<string, SqlStorageValue> {
  evaluation: string;
  evaluation_order: string;
  opened_at: number;
  heard_at: number | null;
  outcome: string | null;
  recorded: number;
}

/** An evaluation as the ledger has it. */
export interface LedgerJob {
  readonly evaluation: string;
  readonly order: EvaluationOrder;
  readonly outcome: Outcome | undefined;
  /** Whether the outcome is in the catalogue. */
  readonly recorded: boolean;
  /** When a worker was last heard of, in milliseconds since 1970; `undefined` before. */
  readonly heardAt: number | undefined;
}

/** A webhook that is still to be delivered. */
export interface PendingWebhook extends Webhook {
  /** How often it was tried. */
  readonly attempts: number;
  /** When it is to be tried next, in milliseconds since 1970. */
  readonly dueAt: number;
}

const COLUMNS = 'shard, start, count, state, failures, losses, sent_at AS sentAt, error';

/**
 * What is done of one evaluation and what is not, in the SQLite database of its Durable Object. The database
 * is empty until `open`: an object that is asked about an evaluation that never was leaves nothing behind.
 */
export class Ledger {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  open(
    evaluation: string,
    order: EvaluationOrder,
    shards: readonly Shard[],
    webhook: Webhook | undefined,
    now: number,
  ): void {
    this.#sql.exec(`
      CREATE TABLE job (
        evaluation TEXT NOT NULL,
        evaluation_order TEXT NOT NULL,
        opened_at INTEGER NOT NULL,
        heard_at INTEGER,
        outcome TEXT,
        recorded INTEGER NOT NULL DEFAULT 0
      ) STRICT;
      CREATE TABLE shards (
        shard INTEGER PRIMARY KEY,
        start INTEGER NOT NULL,
        count INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting',
        failures INTEGER NOT NULL DEFAULT 0,
        losses INTEGER NOT NULL DEFAULT 0,
        sent_at INTEGER NOT NULL DEFAULT 0,
        done_at INTEGER NOT NULL DEFAULT 0,
        error TEXT,
        scores BLOB
      ) STRICT;
      CREATE TABLE webhook (
        url TEXT NOT NULL,
        secret TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due_at INTEGER NOT NULL DEFAULT 0
      ) STRICT;
    `);
    this.#sql.exec(
      'INSERT INTO job (evaluation, evaluation_order, opened_at) VALUES (?, ?, ?)',
      ...[evaluation, JSON.stringify(order), now],
    );
    for (const [shard, { start, count }] of shards.entries()) {
      this.#sql.exec('INSERT INTO shards (shard, start, count) VALUES (?, ?, ?)', shard, start, count);
    }
    if (webhook !== undefined) {
      this.#sql.exec('INSERT INTO webhook (url, secret) VALUES (?, ?)', webhook.url, webhook.secret);
    }
  }

  /** The evaluation that this ledger is of; `undefined` before `open`, where nothing else may be asked. */
  job(): LedgerJob | undefined {
    const tables = this.#sql
      .exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'job'")
      .toArray();
    if (tables.length === 0) return undefined;
    const row = this.#sql.exec<JobRow>('SELECT * FROM job').one();
    return {
      evaluation: row.evaluation,
      order: JSON.parse(row.evaluation_order),
      outcome: row.outcome === null ? undefined : JSON.parse(row.outcome),
      recorded: row.recorded === 1,
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

  pace(): Pace & { readonly queries: number } {
    return this.#sql
      .exec<{ done: number; total: number; queries: number; openedAt: number; lastDoneAt: number }>(
        `SELECT COUNT(*) FILTER (WHERE state = 'done') AS done, COUNT(*) AS total, SUM(count) AS queries,
           (SELECT opened_at FROM job) AS openedAt, MAX(done_at) AS lastDoneAt FROM shards`,
      )
      .one();
  }

  sent(shard: number, now: number): void {
    this.#sql.exec("UPDATE shards SET state = 'out', sent_at = ? WHERE shard = ?", now, shard);
  }

  heard(now: number): void {
    this.#sql.exec('UPDATE job SET heard_at = ?', now);
  }

  failed(shard: number, error: string): void {
    this.#sql.exec('UPDATE shards SET failures = failures + 1, error = ? WHERE shard = ?', error, shard);
  }

  lost(shard: number): void {
    this.#sql.exec('UPDATE shards SET losses = losses + 1 WHERE shard = ?', shard);
  }

  done(shard: number, scores: Uint8Array, now: number): void {
    this.#sql.exec(
      "UPDATE shards SET state = 'done', scores = ?, done_at = ? WHERE shard = ?",
      scores,
      now,
      shard,
    );
  }

  /** The scores of the shards that are done, in the order of the queries: all, or `limit` of them from `first` on. */
  scores(first = 0, limit = -1): Uint8Array[] {
    return this.#sql
      .exec<{ scores: ArrayBuffer }>(
        "SELECT scores FROM shards WHERE state = 'done' AND shard >= ? ORDER BY shard LIMIT ?",
        first,
        limit,
      )
      .toArray()
      .map(({ scores }) => new Uint8Array(scores));
  }

  /** Ends the evaluation. Its shards' scores stay where they are its result, and are dropped where it has none. */
  close(outcome: Outcome): void {
    this.#sql.exec('UPDATE job SET outcome = ?', JSON.stringify(outcome));
    if (outcome.state !== 'succeeded') this.#sql.exec('UPDATE shards SET scores = NULL');
  }

  recorded(): void {
    this.#sql.exec('UPDATE job SET recorded = 1');
  }

  webhook(): PendingWebhook | undefined {
    return this.#sql
      .exec<{ url: string; secret: string; attempts: number; dueAt: number }>(
        'SELECT url, secret, attempts, due_at AS dueAt FROM webhook',
      )
      .toArray()[0];
  }

  webhookTried(dueAt: number): void {
    this.#sql.exec('UPDATE webhook SET attempts = attempts + 1, due_at = ?', dueAt);
  }

  /** Takes the webhook out, with its secret: it is delivered, or given up. */
  webhookEnded(): void {
    this.#sql.exec('DELETE FROM webhook');
  }

  #select(rest: string, ...values: SqlStorageValue[]): LedgerShard[] {
    return this.#sql
      .exec<Record<string, SqlStorageValue>>(`SELECT ${COLUMNS} FROM shards ${rest}`, ...values)
      .toArray()
      .map((row) => row as unknown as LedgerShard);
  }
}
