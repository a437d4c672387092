import type { EvaluationOrder } from './order.ts';
import type { PlannedStage } from './plan.ts';
import type { Pace, StagePace } from './progress.ts';
import type { Measurement } from './speeds.ts';
import type { Engine, Parts, RangeShard } from './stages/stage.ts';
import type { StageName } from './stages/stages.ts';
import type { Webhook } from './webhook.ts';

/** A shard as its worker gets it. */
export interface ShardOrder extends RangeShard {
  readonly stage: StageName;
  readonly order: EvaluationOrder;
}

/** A shard as the ledger has it. Shards are numbered through all stages, in the order in which they run. */
export interface LedgerShard extends RangeShard {
  readonly shard: number;
  readonly stage: StageName;
  readonly state: 'waiting' | 'out' | 'done';
  /** How often its worker said that it failed. */
  readonly failures: number;
  /** How often it was sent and nothing came back. */
  readonly losses: number;
  /** How often it was sent once more because it was late, since it was last sent for another reason. */
  readonly spares: number;
  /** When it was last sent, in milliseconds since 1970; 0 before. */
  readonly sentAt: number;
  /** When a worker last took it; 0 before. */
  readonly claimedAt: number;
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
  started: number;
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
  /** Whether a worker was ever heard of. */
  readonly started: boolean;
}

/** How the messages of the shards of a stage come through, in milliseconds. */
export interface StageTimes {
  /** What a shard takes: the median of those that are back, or what the plan expects of the longest. */
  readonly typical: number;
  readonly expected: number;
  /** When a shard was last taken, and when the latest sent of those that were taken was sent. */
  readonly lastClaimedAt: number;
  readonly lastTakenSentAt: number;
}

/** A webhook that is still to be delivered. */
export interface PendingWebhook extends Webhook {
  /** How often it was tried. */
  readonly attempts: number;
  /** When it is to be tried next, in milliseconds since 1970. */
  readonly dueAt: number;
}

const COLUMNS = `shard, stage, start, count, gallery_start AS galleryStart, gallery_count AS galleryCount, state,
  failures, losses, spares, sent_at AS sentAt, claimed_at AS claimedAt, error`;

/** Shards that have to be back before their own times tell what one takes. */
const TYPICAL_FROM = 3;

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
    stages: readonly PlannedStage[],
    webhook: Webhook | undefined,
    now: number,
  ): void {
    this.#sql.exec(`
      CREATE TABLE job (
        evaluation TEXT NOT NULL,
        evaluation_order TEXT NOT NULL,
        opened_at INTEGER NOT NULL,
        started INTEGER NOT NULL DEFAULT 0,
        outcome TEXT,
        recorded INTEGER NOT NULL DEFAULT 0
      ) STRICT;
      CREATE TABLE stages (
        place INTEGER PRIMARY KEY,
        stage TEXT NOT NULL UNIQUE,
        engine TEXT NOT NULL,
        work_per_item REAL NOT NULL,
        shard_ms REAL NOT NULL
      ) STRICT;
      CREATE TABLE shards (
        shard INTEGER PRIMARY KEY,
        stage TEXT NOT NULL,
        start INTEGER NOT NULL,
        count INTEGER NOT NULL,
        gallery_start INTEGER,
        gallery_count INTEGER,
        state TEXT NOT NULL DEFAULT 'waiting',
        failures INTEGER NOT NULL DEFAULT 0,
        losses INTEGER NOT NULL DEFAULT 0,
        spares INTEGER NOT NULL DEFAULT 0,
        sent_at INTEGER NOT NULL DEFAULT 0,
        claims INTEGER NOT NULL DEFAULT 0,
        claimed_at INTEGER NOT NULL DEFAULT 0,
        done_at INTEGER NOT NULL DEFAULT 0,
        error TEXT
      ) STRICT;
      CREATE INDEX shards_by_state ON shards (state, shard);
      CREATE TABLE parts (
        shard INTEGER NOT NULL,
        name TEXT NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (shard, name)
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
    this.addStages(stages);
    if (webhook !== undefined) {
      this.#sql.exec('INSERT INTO webhook (url, secret) VALUES (?, ?)', webhook.url, webhook.secret);
    }
  }

  /** Adds stages behind those that are there: an evaluation need not be planned all at once. */
  addStages(stages: readonly PlannedStage[]): void {
    let shard = this.pace().total;
    for (const { stage, engine, workPerItem, shardMs, shards } of stages) {
      this.#sql.exec(
        'INSERT INTO stages (stage, engine, work_per_item, shard_ms) VALUES (?, ?, ?, ?)',
        ...[stage, engine, workPerItem, shardMs],
      );
      for (const { start, count, gallery } of shards) {
        this.#sql.exec(
          'INSERT INTO shards (shard, stage, start, count, gallery_start, gallery_count) VALUES (?, ?, ?, ?, ?, ?)',
          ...[shard++, stage, start, count, gallery?.start ?? null, gallery?.count ?? null],
        );
      }
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
      started: row.started === 1,
    };
  }

  shard(shard: number): LedgerShard | undefined {
    return this.#select('WHERE shard = ?', shard)[0];
  }

  /** Shards that were never sent and may be: of the first stage that is not done. In order, up to a number. */
  waiting(limit: number): LedgerShard[] {
    return this.#select(
      `WHERE state = 'waiting'
         AND stage = (SELECT stage FROM shards WHERE state <> 'done' ORDER BY shard LIMIT 1)
         ORDER BY shard LIMIT ?`,
      limit,
    );
  }

  /** Shards that were sent and of which nothing came back. */
  out(): LedgerShard[] {
    return this.#select("WHERE state = 'out' ORDER BY shard");
  }

  pace(): Pace {
    return this.#sql
      .exec<{ done: number; total: number; openedAt: number; lastDoneAt: number }>(
        `SELECT COUNT(*) FILTER (WHERE state = 'done') AS done, COUNT(*) AS total,
           (SELECT opened_at FROM job) AS openedAt, COALESCE(MAX(done_at), 0) AS lastDoneAt FROM shards`,
      )
      .one();
  }

  /** How far each stage is, in the order in which they run. */
  stagePaces(): StagePace[] {
    return this.#sql
      .exec<{ stage: StageName; done: number; total: number }>(
        `SELECT stage, COUNT(*) FILTER (WHERE state = 'done') AS done, COUNT(*) AS total FROM shards
           GROUP BY stage ORDER BY MIN(shard)`,
      )
      .toArray();
  }

  /** How long shards that went well took, by engine. */
  measurements(): Measurement[] {
    return this.#sql
      .exec<{ engine: Engine; multiplyAdds: number; milliseconds: number }>(
        `SELECT engine, SUM(count * work_per_item) AS multiplyAdds, SUM(done_at - claimed_at) AS milliseconds
           FROM shards JOIN stages USING (stage)
           WHERE engine NOT IN ('network', 'reading') AND state = 'done' AND claims = 1 AND failures = 0
           GROUP BY engine`,
      )
      .toArray();
  }

  /** Goes on with another order: what it ranks is known by now. */
  reorder(order: EvaluationOrder): void {
    this.#sql.exec('UPDATE job SET evaluation_order = ?', JSON.stringify(order));
  }

  /** Takes a shard for not done, with what it left. */
  undone(shard: number): void {
    this.#sql.exec("UPDATE shards SET state = 'out', done_at = 0 WHERE shard = ?", shard);
    this.#sql.exec('DELETE FROM parts WHERE shard = ?', shard);
  }

  /** How long shards of a stage take, and how its messages come through. */
  times(stage: StageName): StageTimes {
    const done = this.#sql
      .exec<{ milliseconds: number }>(
        `SELECT done_at - claimed_at AS milliseconds FROM shards WHERE stage = ? AND state = 'done' AND claims = 1
           ORDER BY milliseconds`,
        stage,
      )
      .toArray();
    const times = this.#sql
      .exec<{ expected: number; lastClaimedAt: number; lastTakenSentAt: number }>(
        `SELECT (SELECT shard_ms FROM stages WHERE stage = ?) AS expected,
           COALESCE(MAX(claimed_at), 0) AS lastClaimedAt,
           COALESCE(MAX(sent_at) FILTER (WHERE claimed_at >= sent_at), 0) AS lastTakenSentAt
           FROM shards WHERE stage = ?`,
        stage,
        stage,
      )
      .one();
    const typical =
      done.length < TYPICAL_FROM ? times.expected : done[Math.floor(done.length / 2)].milliseconds;
    return { ...times, typical };
  }

  /** Notes that a shard is sent, anew or because it failed or went missing. */
  sent(shard: number, now: number): void {
    this.#sql.exec("UPDATE shards SET state = 'out', sent_at = ?, spares = 0 WHERE shard = ?", now, shard);
  }

  /** Notes that a shard that is late is sent once more. */
  spared(shard: number, now: number): void {
    this.#sql.exec('UPDATE shards SET sent_at = ?, spares = spares + 1 WHERE shard = ?', now, shard);
  }

  /** Notes that a worker began, the first of the evaluation. */
  started(): void {
    this.#sql.exec('UPDATE job SET started = 1');
  }

  claimed(shard: number, now: number): void {
    this.#sql.exec('UPDATE shards SET claims = claims + 1, claimed_at = ? WHERE shard = ?', now, shard);
  }

  failed(shard: number, error: string): void {
    this.#sql.exec('UPDATE shards SET failures = failures + 1, error = ? WHERE shard = ?', error, shard);
  }

  lost(shard: number): void {
    this.#sql.exec('UPDATE shards SET losses = losses + 1 WHERE shard = ?', shard);
  }

  /** Takes what a shard left; in one step, with its state. */
  done(shard: number, parts: Parts, now: number): void {
    this.#sql.exec("UPDATE shards SET state = 'done', done_at = ? WHERE shard = ?", now, shard);
    for (const [name, bytes] of Object.entries(parts)) {
      this.#sql.exec(
        'INSERT OR REPLACE INTO parts (shard, name, bytes) VALUES (?, ?, ?)',
        shard,
        name,
        bytes,
      );
    }
  }

  /** What the shards of a stage left, in their order: all, or of `limit` of them from its number `first` on. */
  *parts(stage: StageName, first = 0, limit = -1): Generator<Parts> {
    const shards = this.#sql
      .exec<{ shard: number }>(
        "SELECT shard FROM shards WHERE stage = ? AND state = 'done' ORDER BY shard LIMIT ? OFFSET ?",
        ...[stage, limit, first],
      )
      .toArray();
    for (const { shard } of shards) yield* this.#partsOf(shard, shard);
  }

  /**
   * What the shards of a stage left that is done, from its number `first` on: of as many as stay below so many
   * bytes, and of one at least. Of those alone that begin at an item, where one is given.
   */
  partsBelow(bytes: number, stage: StageName, first: number, start?: number): Parts[] {
    const shards = this.#sql
      .exec<{ shard: number; bytes: number }>(
        `SELECT shard, (SELECT SUM(LENGTH(bytes)) FROM parts WHERE parts.shard = shards.shard) AS bytes
           FROM shards WHERE stage = ? AND state = 'done' AND start = COALESCE(?, start)
           ORDER BY shard LIMIT -1 OFFSET ?`,
        ...[stage, start ?? null, first],
      )
      .toArray();
    if (shards.length === 0) return [];
    let taken = 1;
    for (let sum = shards[0].bytes; taken < shards.length; taken++) {
      sum += shards[taken].bytes;
      if (sum > bytes) break;
    }
    return this.#partsOf(shards[0].shard, shards[taken - 1].shard);
  }

  #partsOf(first: number, last: number): Parts[] {
    const rows = this.#sql
      .exec<{ shard: number; name: string; bytes: ArrayBuffer }>(
        'SELECT shard, name, bytes FROM parts WHERE shard BETWEEN ? AND ? ORDER BY shard',
        first,
        last,
      )
      .toArray();
    const shards = Map.groupBy(rows, ({ shard }) => shard);
    return [...shards.values()].map((parts) =>
      Object.fromEntries(parts.map(({ name, bytes }) => [name, new Uint8Array(bytes)])),
    );
  }

  /** How many items the shards of a stage have, all together. */
  itemsOf(stage: StageName): number {
    return this.#sql
      .exec<{ items: number }>('SELECT COALESCE(SUM(count), 0) AS items FROM shards WHERE stage = ?', stage)
      .one().items;
  }

  /** The place of the shard of a stage that has an item, counted from the stage's first. */
  shardOf(stage: StageName, item: number): number {
    return this.#sql
      .exec<{ before: number }>(
        'SELECT COUNT(*) AS before FROM shards WHERE stage = ? AND start + count <= ?',
        ...[stage, item],
      )
      .one().before;
  }

  /** Ends the evaluation. What its shards left goes, but for what is asked for by query where it succeeded. */
  close(outcome: Outcome): void {
    this.#sql.exec('UPDATE job SET outcome = ?', JSON.stringify(outcome));
    if (outcome.state !== 'succeeded') this.#sql.exec('DELETE FROM parts');
    else {
      this.#sql.exec(
        `DELETE FROM parts WHERE name NOT IN ('scores', 'queries', 'nearest')
           OR shard NOT IN (SELECT shard FROM shards WHERE stage = 'ranking')`,
      );
    }
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
      .map(({ galleryStart, galleryCount, ...row }) => {
        const gallery = galleryStart !== null && { gallery: { start: galleryStart, count: galleryCount } };
        return { ...row, ...gallery } as unknown as LedgerShard;
      });
  }
}
