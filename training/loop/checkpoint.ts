import { open, readFile, rename } from 'node:fs/promises';
import {
  type BundleTensor,
  parseSafetensors,
  serialiseSafetensors,
} from '@softmargin/shared/bundle/safetensors.ts';
import { z } from 'zod';
import { type Recipe, recipeSchema } from '../recipes/recipe.ts';

/** The state of a run after a step. */
export interface Checkpoint {
  readonly recipe: Recipe;
  readonly step: number;
  readonly parameters: ReadonlyMap<string, BundleTensor>;
  readonly classWeights: BundleTensor;
  /** The optimiser's, by `<variable>.first` and `<variable>.second`. */
  readonly moments: ReadonlyMap<string, BundleTensor>;
}

const PARAMETERS = 'parameters/';
const MOMENTS = 'moments/';
const CLASS_WEIGHTS = 'classWeights';

const metadataSchema = z.object({
  recipe: z.string().transform((text) => recipeSchema.parse(JSON.parse(text))),
  step: z.coerce.number().int().nonnegative(),
});

/**
 * Writes a checkpoint as one safetensors file. It is written beside its place and moved there when it is
 * whole and on the disk, so that a crash leaves the previous one.
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const tensors = new Map<string, BundleTensor>([[CLASS_WEIGHTS, checkpoint.classWeights]]);
  for (const [name, tensor] of checkpoint.parameters) tensors.set(PARAMETERS + name, tensor);
  for (const [name, tensor] of checkpoint.moments) tensors.set(MOMENTS + name, tensor);
  const metadata = { recipe: JSON.stringify(checkpoint.recipe), step: String(checkpoint.step) };

  const unfinished = `${path}.unfinished`;
  const file = await open(unfinished, 'w');
  try {
    await file.writeFile(serialiseSafetensors({ tensors, metadata }));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
}

/** Reads a checkpoint. @throws {Error} that names the file and what is wrong with it. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  try {
    const { tensors, metadata } = parseSafetensors(await readFile(path));
    const { recipe, step } = metadataSchema.parse(metadata);
    const classWeights = tensors.get(CLASS_WEIGHTS);
    if (classWeights === undefined) throw new Error(`it has no ${CLASS_WEIGHTS}`);
    const under = (prefix: string) =>
      new Map(
        [...tensors]
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
      );
    return { recipe, step, classWeights, parameters: under(PARAMETERS), moments: under(MOMENTS) };
  } catch (cause) {
    throw new Error(`The checkpoint ${path} cannot be used: ${(cause as Error).message}`, { cause });
  }
}
