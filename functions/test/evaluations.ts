import {
  createExecutionContext,
  createMessageBatch,
  getQueueResult,
  runInDurableObject,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import type * as z from 'zod';
import type { Bindings } from '../environment.ts';
import { recordEvaluation } from '../evaluation/catalogue.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { ruleSchema } from '../evaluation/order.ts';
import type { Webhook } from '../evaluation/webhook.ts';
import worker from '../index.ts';
import { storeContent } from '../sets/store-set.ts';
import { owned } from './client.ts';

type Rule = z.input<typeof ruleSchema>;

/** A message as the queue would have carried it. */
export interface Sent {
  readonly evaluation: string;
  readonly shard: number;
}

/** Puts bindings in place of those that an evaluation works with. */
export function rebind(stub: DurableObjectStub<Evaluation>, bindings: Partial<Bindings>): Promise<void> {
  return runInDurableObject(stub, (instance: Evaluation) => {
    const { env: current } = instance as unknown as { env: Bindings };
    Object.defineProperty(instance, 'env', { value: { ...current, ...bindings }, configurable: true });
  });
}

/** Starts an evaluation whose messages go nowhere but into a list, for the test to deliver. */
export async function withoutQueue(
  query: EmbeddingSet,
  gallery: EmbeddingSet,
  {
    rule = { protocol: 'none', distance: 'cosine' } as Rule,
    webhook,
    variables = {},
  }: { rule?: Rule; webhook?: Webhook; variables?: Partial<Bindings> } = {},
) {
  const id = crypto.randomUUID();
  const parsed = ruleSchema.parse(rule);
  const order = {
    ...parsed,
    query: (await storeContent(env.STORE, query)).sha256,
    gallery: (await storeContent(env.STORE, gallery)).sha256,
  };
  const describe = (name: string, sha256: string, { count, dimension }: EmbeddingSet) => {
    return { name, kind: 'embeddings' as const, sha256, count, dimension, createdAt: '' };
  };
  // An evaluation is recorded of sets that are there; these have names that nobody else uses.
  const sets = {
    query: describe(`q-${id}`, order.query, query),
    gallery: describe(`g-${id}`, order.gallery, gallery),
  };
  for (const { name, sha256, count, dimension } of Object.values(sets)) {
    await env.CATALOGUE.prepare(
      'INSERT INTO sets (name, sha256, count, dimension, created_at) VALUES (?, ?, ?, ?, ?)',
    )
      .bind(name, sha256, count, dimension, '')
      .run();
  }
  await recordEvaluation(owned, { id, rule: parsed, ...sets, webhookUrl: webhook?.url });
  await env.CATALOGUE.prepare('DELETE FROM sets WHERE name IN (?, ?)')
    .bind(sets.query.name, sets.gallery.name)
    .run();
  const stub = env.EVALUATIONS.get(env.EVALUATIONS.idFromName(id));
  const sent: Sent[] = [];
  const SHARDS = {
    sendBatch: async (messages: { body: Sent }[]) => {
      sent.push(...messages.map(({ body }) => body));
    },
  };
  await rebind(stub, { ...variables, SHARDS: SHARDS as unknown as Bindings['SHARDS'] });
  await runInDurableObject(stub, (instance: Evaluation) => instance.start(id, order, webhook));
  const deliver = (...shards: number[]) =>
    deliverMessages(...shards.map((shard) => ({ evaluation: id, shard })));
  return { id, stub, sent, order, deliver };
}

/** Delivers messages to the consumer, as the queue does. */
export function deliverMessages(...bodies: unknown[]) {
  return deliverMessagesWith(env, ...bodies);
}

/** The same with other bindings than the Worker's own. */
export async function deliverMessagesWith(bindings: Bindings, ...bodies: unknown[]) {
  const batch = createMessageBatch(
    'softmargin-shards',
    bodies.map((body, i) => ({ id: String(i), timestamp: new Date(), attempts: 1, body })),
  );
  const context = createExecutionContext();
  await worker.queue(batch, bindings);
  return getQueueResult(batch, context);
}

/** Moves what the ledger knows back in time. */
export function age(stub: DurableObjectStub<Evaluation>, milliseconds: number): Promise<void> {
  return runInDurableObject(stub, (_, { storage: { sql } }) => {
    sql.exec('UPDATE shards SET sent_at = sent_at - ?', milliseconds);
    sql.exec('UPDATE job SET heard_at = heard_at - ?', milliseconds);
    sql.exec('UPDATE webhook SET due_at = due_at - ?', milliseconds);
  });
}

/** What an evaluation has stored: its tables, and when its alarm goes off. */
export function storageOf(stub: DurableObjectStub<Evaluation>) {
  return runInDurableObject(stub, async (_, { storage }) => {
    const rows = storage.sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
      .toArray();
    const tables = rows.map(({ name }) => name).filter((name) => !name.startsWith('_cf'));
    return { tables, alarm: await storage.getAlarm() };
  });
}
