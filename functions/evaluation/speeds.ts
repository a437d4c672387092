import * as z from 'zod';
import { type Bindings, parseVariables } from '../environment.ts';
import { MIN_MEASURED_MS, SHARD_CPU_SHARE, SPEED_FACTOR, USUAL_SPEEDS } from '../limits.ts';
import { type Engine, engines } from './stages/stage.ts';

/** What shards of an evaluation did, and how long they were out for it. */
export interface Measurement {
  readonly engine: Engine;
  readonly multiplyAdds: number;
  readonly milliseconds: number;
}

/** How fast an engine is, and whether that was measured on this deployment. */
export interface Speed {
  readonly multiplyAddsPerSecond: number;
  readonly measured: boolean;
}

/** Weight of a new measurement in the running mean. */
const WEIGHT = 0.25;

const rowSchema = z.object({ engine: z.enum(engines), multiply_adds_per_second: z.number().positive() });

/** The speeds that this deployment was measured to have; the usual ones where none was. */
export async function readSpeeds({ CATALOGUE }: Pick<Bindings, 'CATALOGUE'>): Promise<Record<Engine, Speed>> {
  const { results } = await CATALOGUE.prepare('SELECT engine, multiply_adds_per_second FROM speeds').all();
  const speeds: Record<Engine, Speed> = {
    kernel: { multiplyAddsPerSecond: USUAL_SPEEDS.kernel, measured: false },
    rows: { multiplyAddsPerSecond: USUAL_SPEEDS.rows, measured: false },
  };
  for (const row of results) {
    const { engine, multiply_adds_per_second } = rowSchema.parse(row);
    speeds[engine] = { multiplyAddsPerSecond: multiply_adds_per_second, measured: true };
  }
  return speeds;
}

/**
 * Takes measurements into the running means. The time is what a shard was out for, reading included: the clock of
 * an isolate stands still while it computes. Where shards are too small to measure, nothing is taken.
 */
export async function recordSpeeds(
  { CATALOGUE }: Bindings,
  measurements: readonly Measurement[],
): Promise<void> {
  for (const { engine, multiplyAdds, milliseconds } of measurements) {
    if (milliseconds < MIN_MEASURED_MS) continue;
    const usual = USUAL_SPEEDS[engine];
    const measured = (1000 * multiplyAdds) / milliseconds;
    const speed = Math.min(SPEED_FACTOR * usual, Math.max(usual / SPEED_FACTOR, measured));
    await CATALOGUE.prepare(
      `INSERT INTO speeds (engine, multiply_adds_per_second, measured_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (engine) DO UPDATE SET measured_at = ?3,
           multiply_adds_per_second = (1 - ?4) * multiply_adds_per_second + ?4 * ?2`,
    )
      .bind(engine, speed, new Date().toISOString(), WEIGHT)
      .run();
  }
}

/** The work of one shard, by engine: what it does in its share of the processor time of an invocation. */
export function shardWork(
  bindings: Omit<Bindings, 'STORE'>,
  speeds: Record<Engine, Speed>,
): Record<Engine, number> {
  const { SHARD_WORK, INVOCATION_CPU_MS } = parseVariables(bindings);
  const of = (engine: Engine) =>
    SHARD_WORK ??
    Math.round((speeds[engine].multiplyAddsPerSecond * INVOCATION_CPU_MS * SHARD_CPU_SHARE) / 1000);
  return { kernel: of('kernel'), rows: of('rows') };
}
