import { PRECISION_RANKS } from '@softmargin/shared/metrics/average-precision.ts';
import { QueryScores } from '@softmargin/shared/metrics/scores.ts';
import { createRandom, type Random } from '@softmargin/shared/random.ts';
import { Clock } from './clock.ts';
import { type Conditions, objectCosts, shardMs } from './conditions.ts';
import type { Evaluation, ObjectState, Service } from './service.ts';
import { LabelStore, type Sizes, storeSets } from './sets.ts';
import { Catalogue, ObjectStorage } from './storage.ts';

/** So many evaluations of one size, at the same time, under some conditions. */
export interface Scenario {
  readonly name: string;
  readonly sizes: Sizes;
  readonly evaluations: number;
  readonly conditions: Conditions;
  /** Variables of the deployment, as functions/environment.ts has them. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** How a scenario went. Times are virtual. */
export interface Outcome {
  readonly name: string;
  /** Of all evaluations together. */
  readonly shards: number;
  /** From the first request to the last result. */
  readonly seconds: number;
  /** What the shards alone take, on as many isolates and spread without a gap. */
  readonly idealSeconds: number;
  readonly shardSeconds: number;
  readonly messages: number;
  readonly requests: number;
  readonly statements: number;
  readonly rows: number;
  /** Work that was done and counted for nothing, as a share of the work that counted. */
  readonly wasted: number;
  /** The largest share of the time that one evaluation's object was busy. */
  readonly objectBusy: number;
  /** Of the largest ledger. */
  readonly ledgerBytes: number;
  /** Whether each evaluation succeeded and each query counted exactly once. */
  readonly exact: boolean;
}

interface Message {
  readonly evaluation: number;
  readonly shard: number;
  readonly attempt: number;
}

const BEGINNING = Date.UTC(2026, 0, 1);
/** A run that is not over by then never will be. */
const LONGEST_MS = 30 * 24 * 3_600_000;
/** The queue's, in wrangler.toml. */
const MAX_RETRIES = 3;

/** Runs a scenario: the service's plan, ledger and watchdog are real, isolates, queue, network and time are not. */
export async function simulate(service: Service, scenario: Scenario, seed: number): Promise<Outcome> {
  const simulation = new Simulation(service, scenario, seed);
  return simulation.run();
}

class Simulation {
  readonly #service: Service;
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #clock = new Clock(BEGINNING);
  readonly #catalogue = new Catalogue();
  readonly #store = new LabelStore();
  readonly #objects: SimulatedObject[] = [];
  #queue: Message[] = [];
  #busy = 0;
  /** Counts restarts: what began before one never ends. */
  #life = 0;
  #messages = 0;
  #workMs = 0;

  constructor(service: Service, scenario: Scenario, seed: number) {
    this.#service = service;
    this.#scenario = scenario;
    this.#random = createRandom(seed);
  }

  async run(): Promise<Outcome> {
    const { sizes, evaluations, conditions, name, variables } = this.#scenario;
    const { query, gallery } = await storeSets(this.#service, this.#store, sizes, 1);
    for (const set of [query, gallery]) this.#catalogue.addSet(set);
    const rule = { protocol: 'market1501', distance: 'cosine', verification: false, topK: 0 };
    for (let number = 0; number < evaluations; number++) {
      const id = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
      const bindings = {
        owner: 'default',
        STORE: this.#store,
        CATALOGUE: this.#catalogue,
        SHARDS: {
          sendBatch: async (batch: { body: { shard: number } }[], { delaySeconds = 0 } = {}) => {
            for (const { body } of batch) {
              this.#send({ evaluation: number, shard: body.shard, attempt: 0 }, 1000 * delaySeconds);
            }
          },
        },
        ...variables,
      };
      if (!(await this.#service.recordEvaluation(bindings, { id, rule, query, gallery }))) {
        throw new Error(`Evaluation ${id} could not be recorded.`);
      }
      const object = new SimulatedObject(this.#clock, this.#service, bindings);
      this.#objects.push(object);
      const order = { query: query.sha256, gallery: gallery.sha256, ...rule };
      object.call(0, (evaluation) => evaluation.start(id, order));
    }
    if (conditions.restartAt !== undefined) this.#clock.after(conditions.restartAt, () => this.#restart());

    await this.#clock.run(
      () => this.#objects.every(({ ended }) => ended) || this.#clock.now > BEGINNING + LONGEST_MS,
    );
    return this.#outcome(name, sizes);
  }

  #outcome(name: string, sizes: Sizes): Outcome {
    const objects = this.#objects;
    const sum = (value: (object: SimulatedObject) => number) =>
      objects.reduce((total, each) => total + value(each), 0);
    const lasted = this.#clock.now - BEGINNING;
    const shards = objects.flatMap(({ counts }) => counts);
    const usefulMs = shards.reduce((total, count) => total + shardMs(count, sizes), 0);
    const longest = shards.reduce((most, count) => Math.max(most, shardMs(count, sizes)), 0);
    const outcome: Outcome = {
      name,
      shards: sum(({ total }) => total),
      seconds: lasted / 1000,
      idealSeconds: Math.max(longest, usefulMs / this.#scenario.conditions.isolates) / 1000,
      shardSeconds: usefulMs / shards.length / 1000,
      messages: this.#messages,
      requests: sum(({ requests }) => requests),
      statements: sum(({ storage }) => storage.statements),
      rows: sum(({ storage }) => storage.rows),
      wasted: (this.#workMs - usefulMs) / usefulMs,
      objectBusy: Math.max(...objects.map(({ busyMs }) => busyMs)) / lasted,
      ledgerBytes: Math.max(...objects.map(({ storage }) => storage.bytes)),
      exact: objects.every((object) => object.isExact(sizes.queries)),
    };
    for (const { storage } of objects) storage.close();
    return outcome;
  }

  #send(message: Message, delay: number): void {
    this.#messages++;
    const { lost, duplicated, delivery } = this.#scenario.conditions;
    const life = this.#life;
    const copies = this.#random.uniform() < lost ? 0 : this.#random.uniform() < duplicated ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      this.#clock.after(delay + this.#latency(delivery), () => {
        if (life !== this.#life) return;
        this.#queue.push(message);
        this.#dispatch();
      });
    }
  }

  #dispatch(): void {
    while (this.#busy < this.#scenario.conditions.isolates) {
      const message = this.#queue.shift();
      if (message === undefined) return;
      this.#busy++;
      this.#work(message);
    }
  }

  /** One invocation: asks for its shard, ranks, brings what it found. */
  #work(message: Message): void {
    const { sizes, conditions } = this.#scenario;
    const { rpc, crashed, slow, slowness } = conditions;
    const object = this.#objects[message.evaluation];
    const life = this.#life;
    const here = (action: () => void) => () => {
      if (life === this.#life) action();
    };
    const free = here(() => {
      this.#busy--;
      this.#dispatch();
    });
    object.call(this.#latency(rpc), async (evaluation) => {
      const shard = await evaluation.claim(message.shard);
      if (shard === undefined) return this.#clock.after(this.#latency(rpc), free);
      const factor = this.#random.uniform() < slow ? slowness : 1;
      const crashes = this.#random.uniform() < crashed;
      const work = shardMs(shard.count, sizes) * (crashes ? this.#random.uniform() : 1);
      this.#clock.after(
        this.#latency(rpc) + work * factor,
        here(() => {
          this.#workMs += work;
          if (crashes) {
            free();
            // The queue sees that the invocation failed, and delivers once more.
            if (message.attempt < MAX_RETRIES) this.#send({ ...message, attempt: message.attempt + 1 }, 0);
            return;
          }
          object.call(this.#latency(rpc), async (evaluation) => {
            await evaluation.complete(message.shard, partsOf(shard.start, shard.count));
            object.note(message.shard, shard.count);
            this.#clock.after(this.#latency(rpc), free);
          });
        }),
      );
    });
  }

  /** What a restart leaves is what is stored: ledgers, catalogue and alarms. */
  #restart(): void {
    this.#life++;
    this.#queue = [];
    this.#busy = 0;
    for (const object of this.#objects) object.restart();
  }

  /** Log-normal around a median: a few take several times as long. */
  #latency(median: number): number {
    return median * Math.exp(0.5 * this.#random.normal());
  }
}

/** A Durable Object: one request at a time, and an alarm. */
class SimulatedObject {
  requests = 0;
  busyMs = 0;
  readonly storage = new ObjectStorage();
  readonly #clock: Clock;
  readonly #create: () => Evaluation;
  readonly #counts = new Map<number, number>();
  #evaluation: Evaluation;
  #freeAt = 0;
  #alarmAt: number | undefined;
  #progress: ReturnType<Evaluation['progress']>;

  constructor(clock: Clock, { Evaluation }: Service, bindings: object) {
    this.#clock = clock;
    const storage = this.storage;
    const setAlarm = async (at?: number) => {
      this.#alarmAt = at;
      if (at !== undefined) clock.at(at, () => this.#ring(at));
    };
    const state: ObjectState = {
      storage: {
        sql: storage,
        setAlarm,
        deleteAlarm: () => setAlarm(),
        deleteAll: async () => {
          throw new Error('No evaluation of a simulation may be discarded.');
        },
        transactionSync: (action) => storage.transaction(action),
      },
    };
    this.#create = () => new Evaluation(state, bindings);
    this.#evaluation = this.#create();
  }

  get ended(): boolean {
    return this.#progress?.outcome !== undefined;
  }

  get total(): number {
    return this.#progress?.total ?? 0;
  }

  /** Queries of each shard that was brought back. */
  get counts(): number[] {
    return [...this.#counts.values()];
  }

  note(shard: number, count: number): void {
    this.#counts.set(shard, count);
  }

  /** Calls the object after a while, as soon as it has done what was asked before. */
  call(delay: number, action: (evaluation: Evaluation) => Promise<unknown>): void {
    this.#clock.after(delay, () => {
      this.#clock.at(Math.max(this.#clock.now, this.#freeAt), () => this.#serve(action));
    });
  }

  restart(): void {
    this.#evaluation = this.#create();
  }

  /** Whether the result is that of all queries, each once: its mean is one that no other selection has. */
  isExact(queries: number): boolean {
    const outcome = this.#progress?.outcome;
    if (outcome?.state !== 'succeeded') return false;
    let total = 0;
    for (let query = 0; query < queries; query++) total += precisionOf(query);
    const { mAP, validQueries } = outcome.result as { mAP: number; validQueries: number };
    return validQueries === queries && mAP === total / queries;
  }

  async #serve(action: (evaluation: Evaluation) => Promise<unknown>): Promise<void> {
    // Another may have come first meanwhile.
    if (this.#freeAt > this.#clock.now) {
      this.#clock.at(this.#freeAt, () => this.#serve(action));
      return;
    }
    this.requests++;
    const before = this.storage.statements;
    await action(this.#evaluation);
    const cost = objectCosts.request + objectCosts.statement * (this.storage.statements - before);
    this.busyMs += cost;
    this.#freeAt = this.#clock.now + cost;
    // A look from outside, which the service does not take.
    const { statements, rows } = this.storage;
    this.#progress = this.#evaluation.progress();
    Object.assign(this.storage, { statements, rows });
  }

  #ring(at: number): Promise<void> | undefined {
    if (this.#alarmAt !== at) return undefined;
    this.#alarmAt = undefined;
    return this.#serve((evaluation) => evaluation.alarm());
  }
}

/** An average precision of each query's own. */
function precisionOf(query: number): number {
  return ((query * 2_654_435_761) % 1_000_003) / 1_000_003;
}

/** What a shard leaves: the scores and the labels of its queries. */
function partsOf(start: number, count: number): Record<string, Uint8Array> {
  const scores = new QueryScores(start, count);
  for (let index = 0; index < count; index++) {
    const averagePrecision = precisionOf(start + index);
    scores.set(
      index,
      {
        averagePrecision,
        averagePrecisionTrapezoid: averagePrecision,
        averagePrecisionAtR: averagePrecision,
        rPrecision: averagePrecision,
        inverseNegativePenalty: averagePrecision,
        firstMatchRank: 1,
        precisionAt: PRECISION_RANKS.map(() => averagePrecision),
      },
      1000,
    );
  }
  return { scores: scores.encode(), queries: new Uint8Array(8 * count) };
}
