import { z } from 'zod';
import type { DatasetSplit } from './dataset.ts';
import { digitsSplit, loadDigits } from './digits.ts';

/** How a recipe says what is trained on; where its files are is told when it is trained. */
export const datasetSchema = z.discriminatedUnion('name', [z.strictObject({ name: z.literal('mnist') })]);

export type DatasetSettings = z.output<typeof datasetSchema>;

/**
 * Opens the data set of a recipe.
 *
 * @param location of its files; `mnist` has small ones of its own.
 * @throws {Error} if its files are not there or not whole.
 */
export async function openDataset(
  { name }: DatasetSettings,
  location: string | undefined,
): Promise<DatasetSplit> {
  switch (name) {
    case 'mnist':
      return digitsSplit(await loadDigits(location));
  }
}
