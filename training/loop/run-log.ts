import { appendFile, readFile } from 'node:fs/promises';
import * as z from 'zod';
import { replaceFile } from './replace-file.ts';

const stepLineSchema = z.object({
  /** From 1. */
  step: z.int().positive(),
  loss: z.number(),
  /** Each term of the loss by its name, before its weight. */
  parts: z.record(z.string(), z.number()),
  /** Of all gradients as one vector, before clipping. */
  gradientNorm: z.number(),
  learningRate: z.number(),
  images: z.int().positive(),
  seconds: z.number(),
  /** Of `seconds`, those spent waiting for data. */
  waitingSeconds: z.number(),
});

const validationLineSchema = z.object({
  step: z.int().positive(),
  validation: z.object({ mAP: z.number(), mINP: z.number(), cmc1: z.number() }),
  seconds: z.number(),
});

export const logLineSchema = z.union([stepLineSchema, validationLineSchema]);

/** What the log has of a step. */
export type StepLine = z.infer<typeof stepLineSchema>;
/** What the log has of a validation, after the line of its step. */
export type ValidationLine = z.infer<typeof validationLineSchema>;
export type Validation = ValidationLine['validation'];

/** A run's log: one JSON object a line, one line a step or a validation. */
export class RunLog {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Starts a log, or goes on with the one that is there: a run that was killed logged what came after its last
   * checkpoint, and that is done again.
   *
   * @param steps how many steps the run has taken; 0 for a fresh start.
   * @param validated the step of its last validation.
   */
  static async open(path: string, steps: number, validated: number): Promise<RunLog> {
    const lines = steps === 0 ? [] : await readLines(path);
    const kept = lines.filter((line) => line.step <= ('validation' in line ? validated : steps));
    await replaceFile(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return new RunLog(path);
  }

  async write(line: StepLine | ValidationLine): Promise<void> {
    await appendFile(this.path, `${JSON.stringify(line)}\n`);
  }
}

/** The steps and the validations of a log. */
export async function readRunLog(
  path: string,
): Promise<{ readonly steps: StepLine[]; readonly validations: ValidationLine[] }> {
  const lines = await readLines(path);
  return {
    steps: lines.filter((line): line is StepLine => !('validation' in line)),
    validations: lines.filter((line): line is ValidationLine => 'validation' in line),
  };
}

/** The whole lines of a log; the last one of a run that was killed may be cut off. */
async function readLines(path: string): Promise<(StepLine | ValidationLine)[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text.split('\n').flatMap((line) => {
    try {
      const parsed = logLineSchema.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}
