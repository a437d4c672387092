import { DurableObject } from 'cloudflare:workers';
import { QueryScores } from '@softmargin/shared/metrics/scores.ts';
import { summarise } from '@softmargin/shared/metrics/summary.ts';
import { type Bindings, parseVariables } from '../environment.ts';
import {
  ALARM_AGAIN_MS,
  MAX_SHARD_FAILURES,
  MAX_SHARD_LOSSES,
  MAX_SHARDS,
  MAX_TIMEOUT_DOUBLINGS,
  MAX_WEBHOOK_ATTEMPTS,
  MAX_WEBHOOK_PAUSE_MS,
  SHARDS_IN_FLIGHT,
  WEBHOOK_PAUSE_MS,
} from '../limits.ts';
import { findEvaluation, recordOutcome, recordRunning } from './catalogue.ts';
import { describeEvaluation } from './description.ts';
import { Ledger, type LedgerShard, type Outcome } from './ledger.ts';
import type { EvaluationOrder, ShardOrder } from './order.ts';
import { planEvaluation } from './plan.ts';
import { etaSeconds } from './progress.ts';
import { deliver, type Webhook } from './webhook.ts';

/** How far an evaluation is. */
export interface EvaluationProgress {
  /** Whether a worker has begun. */
  readonly started: boolean;
  readonly done: number;
  readonly total: number;
  readonly etaSeconds: number | null;
  readonly outcome: Outcome | undefined;
}

/**
 * One evaluation: plans its shards, keeps the ledger of what is done and finishes it.
 *
 * The queue is only the fan-out, and its messages may be lost or come twice. That every shard gets done and
 * counts once is up to the ledger and the alarm, which both survive a restart.
 */
export class Evaluation extends DurableObject<Bindings> {
  readonly #ledger: Ledger;
  /** Those who wait for the next change. */
  readonly #watchers = new Set<() => void>();

  constructor(state: DurableObjectState, bindings: Bindings) {
    super(state, bindings);
    this.#ledger = new Ledger(state.storage.sql);
  }

  /**
   * Plans the evaluation and sends its first shards. Where that is done already, it is not done again.
   *
   * @returns the number of shards, or `undefined` where they would be more than are allowed.
   */
  async start(evaluation: string, order: EvaluationOrder, webhook?: Webhook): Promise<number | undefined> {
    if (this.#ledger.job() !== undefined) return this.#ledger.pace().total;
    const { SHARD_WORK, SHARD_TIMEOUT_MS } = parseVariables(this.env);
    const { shards } = await planEvaluation(this.env.STORE, order, SHARD_WORK);
    if (shards.length > MAX_SHARDS) return undefined;

    // The alarm is set before anything is sent: from here on the evaluation ends, whatever is lost.
    const now = Date.now();
    await this.ctx.storage.setAlarm(now + SHARD_TIMEOUT_MS);
    // Two that start it at the same time both planned it; the second finds it open.
    if (this.#ledger.job() !== undefined) return this.#ledger.pace().total;
    this.ctx.storage.transactionSync(() => this.#ledger.open(evaluation, order, shards, webhook, now));
    await this.#sendWaiting();
    return shards.length;
  }

  /** How far it is; `undefined` where it was never started, or is deleted. */
  progress(): EvaluationProgress | undefined {
    const job = this.#ledger.job();
    if (job === undefined) return undefined;
    const pace = this.#ledger.pace();
    return {
      started: job.heardAt !== undefined,
      done: pace.done,
      total: pace.total,
      etaSeconds: job.outcome === undefined ? etaSeconds(pace, Date.now()) : null,
      outcome: job.outcome,
    };
  }

  /** How far it is, as soon as that is another number of shards or another state, or `patience` ms are over. */
  async change(
    seen: EvaluationProgress | undefined,
    patience: number,
  ): Promise<EvaluationProgress | undefined> {
    const mark = (progress: EvaluationProgress | undefined) =>
      JSON.stringify([progress?.started, progress?.done, progress?.outcome?.state]);
    const now = this.progress();
    if (now === undefined || now.outcome !== undefined || mark(now) !== mark(seen)) return now;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#watchers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, patience);
      this.#watchers.add(wake);
    });
    return this.progress();
  }

  /** Gives a worker its shard; `undefined` where there is nothing to do: it is done, or the evaluation is. */
  async claim(shard: number): Promise<ShardOrder | undefined> {
    const open = this.#open(shard);
    if (open === undefined) return undefined;
    const first = this.#ledger.job()?.heardAt === undefined;
    this.#ledger.heard(Date.now());
    if (first) {
      this.#tellWatchers();
      // Where this fails the alarm does it; the shard is not held up.
      await recordRunning(this.env, open.evaluation).catch(console.error);
    }
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
    const now = Date.now();
    this.#ledger.heard(now);
    this.#ledger.done(shard, scores, now);
    this.#tellWatchers();
    if (!this.#summarise()) return this.#sendWaiting();
    await this.#settle();
  }

  /** Takes note that a shard failed: it is sent again after a while, or the evaluation fails with it. */
  async fail(shard: number, message: string): Promise<void> {
    const open = this.#open(shard);
    if (open === undefined) return;
    this.#ledger.heard(Date.now());
    this.#ledger.failed(shard, message);
    await this.#resend([shard], 2 ** open.shard.failures);
  }

  /** Ends it without a result, unless it has ended. @returns how it ended; `undefined` where it was never started. */
  async cancel(): Promise<Outcome['state'] | undefined> {
    const job = this.#ledger.job();
    if (job === undefined) return undefined;
    if (job.outcome !== undefined) return job.outcome.state;
    this.#close({ state: 'cancelled', finishedAt: new Date().toISOString() });
    await this.#settle();
    return 'cancelled';
  }

  /** Removes all that is stored of it. What workers bring after that is of no evaluation, and has no effect. */
  async discard(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#tellWatchers();
  }

  /** Encoded scores of up to `limit` shards from number `first` on, once it has succeeded; else none. */
  scores(first: number, limit: number): Uint8Array[] {
    return this.#ledger.job()?.outcome?.state === 'succeeded' ? this.#ledger.scores(first, limit) : [];
  }

  /**
   * The watchdog: sends what went missing again, records an outcome that could not be recorded and delivers the
   * webhook. The platform gives up an alarm that keeps throwing; so this one sets the next whatever happens.
   */
  override async alarm(): Promise<void> {
    try {
      const job = this.#ledger.job();
      if (job === undefined) return;
      if (job.outcome === undefined && !this.#summarise()) await this.#watch(Date.now());
      await this.#settle();
      await this.#deliverWebhook(Date.now());
      await this.#schedule();
    } catch (error) {
      console.error(error);
      await this.ctx.storage.setAlarm(Date.now() + ALARM_AGAIN_MS);
    }
  }

  async #watch(now: number): Promise<void> {
    const job = this.#ledger.job();
    if (job === undefined) return;
    if (job.heardAt !== undefined) await recordRunning(this.env, job.evaluation).catch(console.error);
    const overdue = this.#ledger.out().filter((shard) => this.#lostAt(shard, job.heardAt) <= now);
    for (const { shard } of overdue) this.#ledger.lost(shard);
    await this.#resend(overdue.map(({ shard }) => shard));
    await this.#sendWaiting();
  }

  /** While other shards come back, one that does not is most likely waiting for its turn in the queue. */
  #lostAt({ sentAt, losses }: LedgerShard, heardAt: number | undefined): number {
    const { SHARD_TIMEOUT_MS } = parseVariables(this.env);
    return Math.max(sentAt, heardAt ?? 0) + SHARD_TIMEOUT_MS * 2 ** Math.min(losses, MAX_TIMEOUT_DOUBLINGS);
  }

  #open(shard: number): { evaluation: string; order: EvaluationOrder; shard: LedgerShard } | undefined {
    const job = this.#ledger.job();
    if (job === undefined || job.outcome !== undefined) return undefined;
    const known = this.#ledger.shard(shard);
    if (known === undefined || known.state === 'done') return undefined;
    return { evaluation: job.evaluation, order: job.order, shard: known };
  }

  async #sendWaiting(): Promise<void> {
    if (this.#ledger.job()?.outcome !== undefined) return;
    const room = SHARDS_IN_FLIGHT - this.#ledger.out().length;
    if (room > 0) await this.#send(this.#ledger.waiting(room).map(({ shard }) => shard));
  }

  /** Sends shards once more, unless one failed or went missing as often as is allowed: then the evaluation fails. */
  async #resend(shards: readonly number[], delaySeconds = 0): Promise<void> {
    for (const number of shards) {
      const { start, count, failures, losses, error } = this.#ledger.shard(number) as LedgerShard;
      if (failures < MAX_SHARD_FAILURES && losses < MAX_SHARD_LOSSES) continue;
      const why =
        failures < MAX_SHARD_FAILURES
          ? `was brought back by no worker ${losses} times`
          : `failed ${failures} times. The last time: ${error}`;
      this.#close({
        state: 'failed',
        finishedAt: new Date().toISOString(),
        error: {
          message: `Shard ${number} (queries ${start} to ${start + count - 1}) ${why}`.replace(
            /[^.]$/,
            '$&.',
          ),
          code: 'shard_failed',
        },
      });
      return this.#settle();
    }
    await this.#send(shards, delaySeconds);
  }

  async #send(shards: readonly number[], delaySeconds = 0): Promise<void> {
    const job = this.#ledger.job();
    if (job === undefined || shards.length === 0) return;
    // Noted before it is sent: what the queue does not take is then sent again by the alarm.
    const now = Date.now() + 1000 * delaySeconds;
    for (const shard of shards) this.#ledger.sent(shard, now);
    try {
      await this.env.SHARDS.sendBatch(
        shards.map((shard) => ({ body: { evaluation: job.evaluation, shard } })),
        { delaySeconds },
      );
    } catch (error) {
      console.error(error);
    }
  }

  /** Ends it with its result where every shard is done. @returns whether it has ended. */
  #summarise(): boolean {
    const { done, total, queries } = this.#ledger.pace();
    if (done < total) return false;
    const finishedAt = new Date().toISOString();
    try {
      const result = summarise(this.#ledger.scores().map(QueryScores.decode), queries);
      this.#close({ state: 'succeeded', finishedAt, result });
    } catch (error) {
      console.error(error);
      const message = `The scores could not be summarised: ${(error as Error).message}`;
      this.#close({ state: 'failed', finishedAt, error: { message, code: 'summary_failed' } });
    }
    return true;
  }

  #close(outcome: Outcome): void {
    this.ctx.storage.transactionSync(() => this.#ledger.close(outcome));
    this.#tellWatchers();
  }

  /** Writes how it ended to the catalogue, and sees to what is left. Where that fails, the alarm tries again. */
  async #settle(): Promise<void> {
    const job = this.#ledger.job();
    if (job?.outcome === undefined) return;
    if (!job.recorded) {
      const { done, total } = this.#ledger.pace();
      try {
        const known = await recordOutcome(this.env, job.evaluation, job.outcome, { done, total });
        // Its start was given up, or it was deleted meanwhile: nobody can ask for it any more.
        if (!known) return this.discard();
        if (this.#ledger.job() !== undefined) this.#ledger.recorded();
      } catch (error) {
        console.error(error);
      }
    }
    await this.#schedule();
  }

  async #deliverWebhook(now: number): Promise<void> {
    const job = this.#ledger.job();
    if (job === undefined || !job.recorded) return;
    const webhook = this.#ledger.webhook();
    if (webhook === undefined || webhook.dueAt > now) return;
    const row = await findEvaluation(this.env, job.evaluation);
    if (row === null) return;

    // Counted before it is sent: one that takes the service down with it is not sent for ever.
    const attempts = webhook.attempts + 1;
    const pause = Math.min(MAX_WEBHOOK_PAUSE_MS, WEBHOOK_PAUSE_MS * 4 ** (attempts - 1));
    this.#ledger.webhookTried(now + pause);
    const problem = await deliver(webhook, JSON.stringify(describeEvaluation(row)), now);
    if (this.#ledger.job() === undefined) return;
    if (problem === undefined) return this.#ledger.webhookEnded();
    console.error(`The webhook of evaluation ${job.evaluation} was not delivered (${attempts}): ${problem}`);
    if (attempts >= MAX_WEBHOOK_ATTEMPTS) this.#ledger.webhookEnded();
  }

  /** Sets the alarm to when there is something to do next, or takes it away. */
  async #schedule(): Promise<void> {
    const at = this.#nextDue(Date.now());
    if (at === undefined) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(Math.max(at, Date.now()));
  }

  #nextDue(now: number): number | undefined {
    const job = this.#ledger.job();
    if (job === undefined) return undefined;
    if (job.outcome !== undefined && job.recorded) return this.#ledger.webhook()?.dueAt;
    if (job.outcome !== undefined) return now + ALARM_AGAIN_MS;
    const { SHARD_TIMEOUT_MS } = parseVariables(this.env);
    const lostAt = this.#ledger.out().map((shard) => this.#lostAt(shard, job.heardAt));
    return Math.min(...lostAt, now + SHARD_TIMEOUT_MS);
  }

  #tellWatchers(): void {
    for (const wake of [...this.#watchers]) wake();
  }
}
