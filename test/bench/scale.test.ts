import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import * as z from 'zod';

const outcomesSchema = z.array(
  z.looseObject({
    name: z.string(),
    shards: z.int().positive(),
    seconds: z.number().positive(),
    idealSeconds: z.number().positive(),
    messages: z.int(),
    requests: z.int(),
    wasted: z.number(),
    ledgerBytes: z.int(),
    exact: z.boolean(),
  }),
);

/** Runs the bench as a person does: Node loads the service's code in a way that the test runner cannot. */
async function simulate(seed: number): Promise<z.infer<typeof outcomesSchema>> {
  const script = fileURLToPath(new URL('run.ts', import.meta.url));
  const parameters = [script, 'scale', '--small', '--seed', String(seed), '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, parameters);
  return outcomesSchema.parse(JSON.parse(stdout));
}

test.each([1, 2, 3])(
  'whatever gets lost, every query counts exactly once (seed %i)',
  { timeout: 180_000 },
  async (seed) => {
    const outcomes = await simulate(seed);
    expect(outcomes.length).toBeGreaterThan(3);
    for (const outcome of outcomes) {
      const { name, shards, seconds, idealSeconds, messages, requests, wasted } = outcome;
      expect(outcome.exact, name).toBe(true);
      expect(seconds, name).toBeGreaterThan(idealSeconds);
      // A start, and of each shard the claim and the scores.
      expect(requests, name).toBeGreaterThanOrEqual(1 + 2 * shards);
      expect(messages, name).toBeGreaterThanOrEqual(shards);
      // What fails is done again, and not everything with it.
      expect(wasted, name).toBeLessThan(1);
    }
    const calm = outcomes.find(({ name }) => name.endsWith('nothing fails'));
    expect(calm).toMatchObject({ wasted: 0, messages: calm?.shards });
    // What is lost in the restart is noticed and sent once more.
    const restarted = outcomes.find(({ name }) => name.includes('restarted'));
    expect(restarted?.messages).toBeGreaterThan(restarted?.shards ?? Infinity);
  },
);

test('one seed decides a simulation', { timeout: 180_000 }, async () => {
  const [once, again, other] = [await simulate(7), await simulate(7), await simulate(8)];
  expect(again).toEqual(once);
  expect(other).not.toEqual(once);
});
