import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from '../loop/replace-file.ts';
import { type Recipe, recipeSchema } from '../recipes/recipe.ts';

const runResultSchema = z.object({
  name: z.string(),
  variant: z.string(),
  recipe: recipeSchema,
  /** The backend, and what it was trained on in words. */
  backend: z.string(),
  data: z.string(),
  trainImages: z.int(),
  /** Of training, without the measuring. */
  seconds: z.number(),
  numbers: z.record(z.string(), z.number()),
  figures: z.record(z.string(), z.string()),
});

/** What one finished training of an experiment gave. */
export type RunResult = z.output<typeof runResultSchema>;

function resultPath(directory: string, name: string): string {
  return join(directory, 'results', `${name}.json`);
}

export async function writeResult(directory: string, result: RunResult): Promise<void> {
  await mkdir(join(directory, 'results'), { recursive: true });
  await replaceFile(resultPath(directory, result.name), `${JSON.stringify(result)}\n`);
}

/**
 * The result of a run, if it is finished. One of another recipe, as of another budget, counts for nothing.
 *
 * @throws {Error} that names the file, if it is not a result.
 */
export async function readResult(
  directory: string,
  name: string,
  recipe: Recipe,
): Promise<RunResult | undefined> {
  const path = resultPath(directory, name);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  let result: RunResult;
  try {
    result = runResultSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${path} is not the result of a run: ${(cause as Error).message}`, { cause });
  }
  return JSON.stringify(result.recipe) === JSON.stringify(recipe) ? result : undefined;
}
