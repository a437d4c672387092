import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from './replace-file.ts';

const FILE = 'run.json';

const settingsSchema = z.strictObject({
  /** Of the model. */
  name: z.string(),
  /** Where the data set's files are; `null` where it has none. */
  data: z.string().nullable(),
  /** Where the bundle goes. */
  bundle: z.string(),
  checkpointEvery: z.int().min(1),
});

/** What a run is told beside its recipe, with absolute paths: of this machine, so it goes into no bundle. */
export type RunSettings = z.infer<typeof settingsSchema>;

/** Leaves in the directory of a run what it is resumed with. */
export async function writeRunSettings(directory: string, settings: RunSettings): Promise<void> {
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  await replaceFile(join(directory, FILE), text);
}

/** Reads it back. @throws {Error} that names the file and what is wrong with it. */
export async function readRunSettings(directory: string): Promise<RunSettings> {
  const path = join(directory, FILE);
  try {
    return settingsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    const reason =
      cause instanceof z.ZodError
        ? `${cause.issues[0].path.join('.') || 'its content'}: ${cause.issues[0].message}`
        : (cause as Error).message;
    throw new Error(`${path} does not say how the run was started: ${reason}`, { cause });
  }
}
