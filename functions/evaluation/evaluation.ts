import { DurableObject } from 'cloudflare:workers';
import { QueryScores } from '@softmargin/shared/metrics/scores.ts';
import { summarise } from '@softmargin/shared/metrics/summary.ts';
import type { Bindings } from '../environment.ts';
import { MAX_SHARD_ATTEMPTS, MAX_SHARDS, SHARD_TIMEOUT_MS, SHARDS_IN_FLIGHT } from '../limits.ts';
import { SetContent } from '../sets/content.ts';
import { recordOutcome } from './catalogue.ts';
import { Ledger, type LedgerShard, type Outcome } from './ledger.ts';
import type { EvaluationOrder, ShardOrder } from './order.ts';
import { planShards } from './plan.ts';

/** How far an evaluation is. */
export interface EvaluationProgress {
  /** Whether a worker has begun. */
  readonly started: boolean;
  readonly done: number;
  readonly total: number;
  readonly outcome: Outcome | undefined;
}

/** How long the alarm waits where the catalogue could not be written. */
const RECORD_AGAIN_MS = 5_000;

/**
 * One evaluation: plans its shards, keeps the ledger of what is done and finishes it.
 *
 * The queue is only the fan-out, and its messages may be lost or come twice. That every shard gets done and
 * counts once is up to the ledger and the alarm, which both survive a restart.
 */
export class Evaluation extends DurableObject<Bindings> {
  readonly #ledger: Ledger;

  constructor(state: DurableObjectState, bindings: Bindings) {
    super(state, bindings);
    this.#ledger = new Ledger(state.storage.sql);
  }

  /**
   * Plans the evaluation and sends its first shards.
   *
   * @returns the number of shards, or `undefined` where they would be more than are allowed.
   */
  async start(evaluation: string, order: EvaluationOrder): Promise<number | undefined> {
    const { STORE } = this.env;
    const query = await SetContent.open(STORE, order.query);
    const gallery = await SetContent.open(STORE, order.gallery);
    const { identities: queryIdentities } = await query.labels();
    const { identities: galleryIdentities } = await gallery.labels();
    const shards = planShards(queryIdentities, galleryIdentities, query.index.dimension);
    if (shards.length > MAX_SHARDS) return undefined;

    // The alarm is set before anything is sent: from here on the evaluation ends, whatever is lost.
    await this.ctx.storage.setAlarm(Date.now() + SHARD_TIMEOUT_MS);
    this.ctx.storage.transactionSync(() => this.#ledger.open(evaluation, order, shards));
    await this.#sendWaiting();
    return shards.length;
  }

  /** How far it is; `undefined` where it was never started. */
  progress(): EvaluationProgress | undefined {
    const job = this.#ledger.job();
    if (job === undefined) return undefined;
    const { done, total } = this.#ledger.progress();
    return { started: job.heardAt !== undefined, done, total, outcome: job.outcome };
  }

  /** Gives a worker its shard; `undefined` where there is nothing to do: it is done, or the evaluation is. */
  claim(shard: number): ShardOrder | undefined {
    const open = this.#open(shard);
    if (open === undefined) return undefined;
    this.#ledger.heard(Date.now());
    const { start, count } = open.shard;
    return { ...open.order, start, count };
  }

  /** Takes the scores of a shard. A shard that comes twice counts once. */
  async complete(shard: number, scores: Uint8Array): Promise<void> {
    const open = this.#open(shard);
    if (open === undefined) return;
    const { start, count } = QueryScores.decode(scores);
    if (start !== open.shard.start || count !== open.shard.count) {
      throw new RangeError(`Shard ${shard} is not of queries ${start} to ${start + count - 1}.`);
    }
    this.#ledger.heard(Date.now());
    this.#ledger.done(shard, scores);
    const { done, total, queries } = this.#ledger.progress();
    if (done < total) return this.#sendWaiting();
    const result = summarise(this.#ledger.scores().map(QueryScores.decode), queries);
    await this.#close(open.evaluation, { state: 'succeeded', result });
  }

  /** Takes note that a shard failed: it is sent again after a while, or the evaluation fails with it. */
  async fail(shard: number, message: string): Promise<void> {
    const open = this.#open(shard);
    if (open === undefined) return;
    this.#ledger.heard(Date.now());
    this.#ledger.failed(shard, message);
    await this.#resend(open.evaluation, [open.shard], 2 ** open.shard.attempts);
  }

  /** The watchdog: sends what went missing again, and records an outcome that could not be recorded. */
  override async alarm(): Promise<void> {
    const job = this.#ledger.job();
    if (job === undefined) return;
    if (job.outcome !== undefined) return this.#record(job.evaluation, job.outcome);

    // While other shards come back, one that does not is most likely waiting for its turn in the queue.
    const due = ({ sentAt, attempts }: LedgerShard) =>
      Math.max(sentAt, job.heardAt ?? 0) + SHARD_TIMEOUT_MS * 2 ** (attempts - 1);
    const now = Date.now();
    const overdue = this.#ledger.out().filter((shard) => due(shard) <= now);
    for (const { shard } of overdue) this.#ledger.failed(shard, 'No worker brought it back in time.');
    await this.#resend(job.evaluation, overdue);
    await this.#sendWaiting();
    if (this.#ledger.job()?.outcome !== undefined) return;
    await this.ctx.storage.setAlarm(Math.min(...this.#ledger.out().map(due), now + SHARD_TIMEOUT_MS));
  }

  #open(shard: number): { evaluation: string; order: EvaluationOrder; shard: LedgerShard } | undefined {
    const job = this.#ledger.job();
    const known = this.#ledger.shard(shard);
    if (job === undefined || job.outcome !== undefined || known === undefined || known.state === 'done') {
      return undefined;
    }
    return { evaluation: job.evaluation, order: job.order, shard: known };
  }

  async #sendWaiting(): Promise<void> {
    const room = SHARDS_IN_FLIGHT - this.#ledger.out().length;
    if (room > 0) await this.#send(this.#ledger.waiting(room));
  }

  /** Sends shards once more, unless one was sent as often as is allowed: then the evaluation fails. */
  async #resend(evaluation: string, shards: readonly LedgerShard[], delaySeconds = 0): Promise<void> {
    const lost = shards.find(({ attempts }) => attempts >= MAX_SHARD_ATTEMPTS);
    if (lost === undefined) return this.#send(shards, delaySeconds);
    const { shard, start, count, attempts } = lost;
    const error = this.#ledger.shard(shard)?.error;
    await this.#close(evaluation, {
      state: 'failed',
      error: {
        message: `Shard ${shard} (queries ${start} to ${start + count - 1}) failed ${attempts} times. The last time: ${error}`,
        code: 'shard_failed',
      },
    });
  }

  async #send(shards: readonly LedgerShard[], delaySeconds = 0): Promise<void> {
    const job = this.#ledger.job();
    if (job === undefined || shards.length === 0) return;
    // Noted before it is sent: what the queue does not take is then sent again by the alarm.
    const now = Date.now();
    for (const { shard } of shards) this.#ledger.sent(shard, now);
    try {
      await this.env.SHARDS.sendBatch(
        shards.map(({ shard }) => ({ body: { evaluation: job.evaluation, shard } })),
        { delaySeconds },
      );
    } catch (error) {
      console.error(error);
    }
  }

  async #close(evaluation: string, outcome: Outcome): Promise<void> {
    this.ctx.storage.transactionSync(() => this.#ledger.close(outcome));
    await this.#record(evaluation, outcome);
  }

  /** Writes the outcome to the catalogue. Where that fails, the alarm tries again. */
  async #record(evaluation: string, outcome: Outcome): Promise<void> {
    const { done, total } = this.#ledger.progress();
    try {
      await recordOutcome(this.env, evaluation, outcome, { done, total });
      await this.ctx.storage.deleteAlarm();
    } catch (error) {
      console.error(error);
      await this.ctx.storage.setAlarm(Date.now() + RECORD_AGAIN_MS);
    }
  }
}
