import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { StepReport } from './trainer.ts';

/** A run's log: one JSON object a line, one line a step. */
export class RunLog {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Starts a log, or goes on with the one that is there: a run that was killed logged steps after its last
   * checkpoint, and those are taken again.
   *
   * @param steps how many steps the run has taken; 0 for a fresh start.
   */
  static async open(path: string, steps: number): Promise<RunLog> {
    const lines = steps === 0 ? [] : (await readFile(path, 'utf8')).split('\n');
    const kept = lines.filter((line) => stepOf(line) <= steps);
    await writeFile(path, kept.map((line) => `${line}\n`).join(''));
    return new RunLog(path);
  }

  async write(report: StepReport & { readonly seconds: number }): Promise<void> {
    await appendFile(this.#path, `${JSON.stringify(report)}\n`);
  }
}

const lineSchema = z.object({ step: z.int().positive() });

/** The step of a log line; what is no whole line, as at the end of a log that was cut off, is of no step. */
function stepOf(line: string): number {
  try {
    return lineSchema.parse(JSON.parse(line)).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
