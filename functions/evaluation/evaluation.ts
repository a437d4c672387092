import { DurableObject } from 'cloudflare:workers';
import { describePictures, isEmbedded } from '../embedding/picture-order.ts';
import { planPictures, withEmbeddings } from '../embedding/plan-pictures.ts';
import { collectedSets } from '../embedding/run-shard.ts';
import { type Bindings, parseVariables } from '../environment.ts';
import {
  ALARM_AGAIN_MS,
  MAX_SHARD_FAILURES,
  MAX_SHARD_LOSSES,
  MAX_TIMEOUT_DOUBLINGS,
  MAX_WEBHOOK_ATTEMPTS,
  MAX_WEBHOOK_PAUSE_MS,
  SHARDS_IN_FLIGHT,
  WEBHOOK_PAUSE_MS,
} from '../limits.ts';
import { logError } from '../observation/log.ts';
import { bindingsOf, DEFAULT_OWNER, type OwnedBindings } from '../owners.ts';
import { findEvaluation, recordOutcome, recordRunning, recordWebhook } from './catalogue.ts';
import { describeEvaluation } from './description.ts';
import { findingsOf } from './findings.ts';
import { Ledger, type LedgerShard, type Outcome, type ShardOrder } from './ledger.ts';
import type { EvaluationOrder } from './order.ts';
import { type PlannedStage, type PlanProblem, planEvaluation, planProblem } from './plan.ts';
import { etaSeconds, type StagePace } from './progress.ts';
import { readSpeeds, recordSpeeds, shardWork } from './speeds.ts';
import type { Parts } from './stages/stage.ts';
import { type StageName, steps } from './stages/stages.ts';
import { deliver, type Webhook } from './webhook.ts';

/** How far an evaluation is. */
export interface EvaluationProgress {
  /** Whether a worker has begun. */
  readonly started: boolean;
  readonly done: number;
  readonly total: number;
  readonly stages: readonly StagePace[];
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
   * @returns what is wrong with it where it cannot be planned.
   */
  async start(
    evaluation: string,
    order: EvaluationOrder,
    webhook?: Webhook,
  ): Promise<PlanProblem | undefined> {
    if (this.#ledger.job() !== undefined) return undefined;
    const { SHARD_TIMEOUT_MS } = parseVariables(this.env);
    let planned: { order: EvaluationOrder; stages: readonly PlannedStage[] };
    try {
      planned = await planPictures(this.#bindingsOf(order), order);
      if (planned.stages.length === 0) {
        planned = { order: planned.order, stages: await this.#planRanking(planned.order) };
      }
    } catch (error) {
      // Errors lose their class on the way to the caller.
      const problem = planProblem(error);
      if (problem === undefined) throw error;
      return problem;
    }

    // The alarm is set before anything is sent: from here on the evaluation ends, whatever is lost.
    const now = Date.now();
    await this.ctx.storage.setAlarm(now + SHARD_TIMEOUT_MS);
    // Two that start it at the same time both planned it; the second finds it open.
    if (this.#ledger.job() !== undefined) return undefined;
    this.ctx.storage.transactionSync(() =>
      this.#ledger.open(evaluation, planned.order, planned.stages, webhook, now),
    );
    await this.#sendWaiting();
    return undefined;
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
      stages: this.#ledger.stagePaces(),
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
    const now = Date.now();
    this.#ledger.heard(now);
    this.#ledger.claimed(shard, now);
    if (first) {
      this.#tellWatchers();
      // Where this fails the alarm does it; the shard is not held up.
      await recordRunning(this.env, open.evaluation).catch(logError);
    }
    const { stage, start, count } = open.shard;
    return { stage, order: open.order, start, count };
  }

  /** Takes what a shard left. A shard that comes twice counts once. */
  async complete(shard: number, parts: Parts): Promise<void> {
    const open = this.#open(shard);
    if (open === undefined) return;
    steps[open.shard.stage].check(parts, open.shard);
    const now = Date.now();
    this.#ledger.heard(now);
    this.ctx.storage.transactionSync(() => this.#ledger.done(shard, parts, now));
    this.#tellWatchers();
    if (!(await this.#goOn())) return this.#sendWaiting();
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

  /** What up to `limit` shards of a stage left, from its number `first` on, for a worker of a later one. */
  earlier(stage: StageName, first: number, limit: number): Parts[] {
    const job = this.#ledger.job();
    return job === undefined || job.outcome !== undefined ? [] : [...this.#ledger.parts(stage, first, limit)];
  }

  /** What up to `limit` shards left of their queries, from number `first` on, once it has succeeded; else none. */
  queries(first: number, limit: number): Parts[] {
    const succeeded = this.#ledger.job()?.outcome?.state === 'succeeded';
    return succeeded ? [...this.#ledger.parts('ranking', first, limit)] : [];
  }

  /** The number, for {@link queries}, of the shard that has a query. */
  shardOf(query: number): number {
    return this.#ledger.job() === undefined ? 0 : this.#ledger.shardOf('ranking', query);
  }

  /**
   * The watchdog: sends what went missing again, records an outcome that could not be recorded and delivers the
   * webhook. The platform gives up an alarm that keeps throwing; so this one sets the next whatever happens.
   */
  override async alarm(): Promise<void> {
    try {
      const job = this.#ledger.job();
      if (job === undefined) return;
      if (job.outcome === undefined && !(await this.#goOn())) await this.#watch(Date.now());
      await this.#settle();
      await this.#deliverWebhook(Date.now());
      await this.#schedule();
    } catch (error) {
      logError(error);
      await this.ctx.storage.setAlarm(Date.now() + ALARM_AGAIN_MS);
    }
  }

  async #watch(now: number): Promise<void> {
    const job = this.#ledger.job();
    if (job === undefined) return;
    if (job.heardAt !== undefined) await recordRunning(this.env, job.evaluation).catch(logError);
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
      const { stage, start, count, failures, losses, error } = this.#ledger.shard(number) as LedgerShard;
      if (failures < MAX_SHARD_FAILURES && losses < MAX_SHARD_LOSSES) continue;
      const why =
        failures < MAX_SHARD_FAILURES
          ? `was brought back by no worker ${losses} times`
          : `failed ${failures} times. The last time: ${error}`;
      this.#close({
        state: 'failed',
        finishedAt: new Date().toISOString(),
        error: {
          message:
            `Shard ${number} (${stage}, ${steps[stage].items} ${start} to ${start + count - 1}) ${why}`.replace(
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
      logError(error);
    }
  }

  #bindingsOf({ owner }: EvaluationOrder): OwnedBindings {
    return bindingsOf(this.env, owner ?? DEFAULT_OWNER);
  }

  async #planRanking(order: EvaluationOrder): Promise<readonly PlannedStage[]> {
    const work = shardWork(this.env, await readSpeeds(this.env));
    return (await planEvaluation(this.#bindingsOf(order).STORE, order, work)).stages;
  }

  /** Plans what comes next where every shard is done, or ends it. @returns whether it has ended. */
  async #goOn(): Promise<boolean> {
    const job = this.#ledger.job();
    const { done, total } = this.#ledger.pace();
    if (job === undefined || done < total) return false;
    const { pictures } = job.order;
    if (pictures === undefined || isEmbedded(pictures)) return this.#summarise();

    const collected = collectedSets(this.#ledger.parts('collection'));
    if (typeof collected === 'string') {
      const error = { message: collected, code: 'pictures_unusable' };
      this.#close({ state: 'failed', finishedAt: new Date().toISOString(), error });
      return true;
    }
    const order = withEmbeddings(job.order, collected);
    try {
      const planned = await this.#planRanking(order);
      // Another call may have planned it, or ended it, meanwhile.
      if (this.#ledger.pace().total === total && this.#ledger.job()?.outcome === undefined) {
        this.ctx.storage.transactionSync(() => {
          this.#ledger.reorder(order);
          this.#ledger.addStages(planned);
        });
      }
    } catch (error) {
      logError(error);
      const problem = planProblem(error);
      if (problem !== undefined) {
        const { message, code } = problem;
        this.#close({ state: 'failed', finishedAt: new Date().toISOString(), error: { message, code } });
        return true;
      }
      // The last shard comes once more, and this with it: as often as a shard may fail.
      this.#ledger.undone(total - 1);
      await this.fail(total - 1, (error as Error).message);
    }
    return this.#ledger.job()?.outcome !== undefined;
  }

  /** Ends it with its result where every shard is done. @returns whether it has ended. */
  #summarise(): boolean {
    const job = this.#ledger.job();
    const { done, total } = this.#ledger.pace();
    if (job === undefined || done < total) return false;
    const finishedAt = new Date().toISOString();
    try {
      this.#close({ state: 'succeeded', finishedAt, result: this.#result(job.order) });
    } catch (error) {
      logError(error);
      const message = `What the shards found could not be summarised: ${(error as Error).message}`;
      this.#close({ state: 'failed', finishedAt, error: { message, code: 'summary_failed' } });
    }
    return true;
  }

  #result(order: EvaluationOrder): object {
    const findings = findingsOf(order, this.#ledger);
    return order.pictures === undefined ? findings : { ...findings, ...describePictures(order.pictures) };
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
        if (this.#ledger.job() === undefined) return;
        this.#ledger.recorded();
        await recordSpeeds(this.env, this.#ledger.measurements());
      } catch (error) {
        logError(error);
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
    const { status, delivered } = await deliver(webhook, JSON.stringify(describeEvaluation(row)), now);
    if (this.#ledger.job() === undefined) return;
    if (!delivered) {
      logError(`The webhook of evaluation ${job.evaluation} was not delivered (${attempts}): ${status}`);
    }
    if (delivered || attempts >= MAX_WEBHOOK_ATTEMPTS) this.#ledger.webhookEnded();
    // What is shown of it; where this fails, the webhook itself goes on all the same.
    const deliveredAt = delivered ? new Date().toISOString() : null;
    await recordWebhook(this.env, job.evaluation, { attempts, status, deliveredAt }).catch(logError);
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
