import { appendFile, writeFile } from 'node:fs/promises';
import type { StepReport } from './trainer.ts';

/** A run's log: one JSON object a line, one line a step. */
export class RunLog {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Starts a log, or goes on with the one that is there. */
  static async open(path: string, { append }: { readonly append: boolean }): Promise<RunLog> {
    if (!append) await writeFile(path, '');
    return new RunLog(path);
  }

  async write(report: StepReport & { readonly seconds: number }): Promise<void> {
    await appendFile(this.#path, `${JSON.stringify(report)}\n`);
  }
}
