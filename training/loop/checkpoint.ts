import { readFile } from 'node:fs/promises';
import {
  type BundleTensor,
  parseSafetensors,
  serialiseSafetensors,
} from '@softmargin/shared/bundle/safetensors.ts';
import * as z from 'zod';
import { type Recipe, recipeSchema } from '../recipes/recipe.ts';
import { replaceFile } from './replace-file.ts';

type Tensors = ReadonlyMap<string, BundleTensor>;

/** Everything of a network and its training that a later step depends on. */
export interface TrainerState {
  /** Steps taken. */
  readonly step: number;
  readonly parameters: Tensors;
  /** What the losses learn beside the network. */
  readonly lossParameters: Tensors;
  /** The optimiser's, by `<variable>.<moment>`. */
  readonly moments: Tensors;
  /** The moving average of the network's variables; empty where the recipe has none. */
  readonly average: Tensors;
}

/** The weights that validated best. */
export interface BestWeights {
  readonly step: number;
  readonly mAP: number;
  readonly parameters: Tensors;
}

/** The state of a run after a step. */
export interface Checkpoint {
  readonly recipe: Recipe;
  /** What it was trained on, in words; another data set is another run. */
  readonly data: string;
  readonly trainer: TrainerState;
  /** The step of the last validation; 0 before the first. */
  readonly validated: number;
  readonly best: BestWeights | undefined;
}

const GROUPS = ['parameters', 'lossParameters', 'moments', 'average'] as const;
const BEST = 'best';

const jsonText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
});

const metadataSchema = z.object({
  recipe: jsonText.pipe(recipeSchema),
  data: z.string(),
  progress: jsonText.pipe(
    z.object({
      step: z.int().nonnegative(),
      validated: z.int().nonnegative(),
      best: z.object({ step: z.int().positive(), mAP: z.number() }).nullable(),
    }),
  ),
});

/**
 * Writes a checkpoint as one safetensors file. A crash, a kill or a full disk leaves the previous one.
 *
 * @throws {Error} that says which file could not be written and why.
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const { recipe, data, trainer, validated, best } = checkpoint;
  const tensors = new Map<string, BundleTensor>();
  for (const group of GROUPS) {
    for (const [name, tensor] of trainer[group]) tensors.set(`${group}/${name}`, tensor);
  }
  for (const [name, tensor] of best?.parameters ?? []) tensors.set(`${BEST}/${name}`, tensor);
  const progress = {
    step: trainer.step,
    validated,
    best: best === undefined ? null : { step: best.step, mAP: best.mAP },
  };
  const metadata = { recipe: JSON.stringify(recipe), data, progress: JSON.stringify(progress) };
  try {
    await replaceFile(path, serialiseSafetensors({ tensors, metadata }));
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === 'ENOSPC' ? 'the disk is full' : (cause as Error).message;
    throw new Error(
      `The checkpoint of step ${trainer.step} could not be written to ${path}: ${reason}. ` +
        'What was there before is untouched.',
      { cause },
    );
  }
}

/** Reads a checkpoint. @throws {Error} that names the file and what is wrong with it. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  try {
    const { tensors, metadata } = parseSafetensors(await readFile(path));
    const { recipe, data, progress } = metadataSchema.parse(metadata);
    const group = (prefix: string): Tensors =>
      new Map(
        [...tensors]
          .filter(([name]) => name.startsWith(`${prefix}/`))
          .map(([name, tensor]) => [name.slice(prefix.length + 1), tensor]),
      );
    const [parameters, lossParameters, moments, average] = GROUPS.map(group);
    return {
      recipe,
      data,
      trainer: { step: progress.step, parameters, lossParameters, moments, average },
      validated: progress.validated,
      best: progress.best === null ? undefined : { ...progress.best, parameters: group(BEST) },
    };
  } catch (cause) {
    const reason =
      cause instanceof z.ZodError
        ? `its ${cause.issues[0].path.join('.')}: ${cause.issues[0].message}`
        : (cause as Error).message;
    throw new Error(`The checkpoint ${path} cannot be used: ${reason}`, { cause });
  }
}
