import { open, rename, rm } from 'node:fs/promises';

/**
 * Writes a file beside its place and moves it there when it is whole and on the disk: whoever is killed, or
 * finds the disk full, leaves what was there before.
 */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const unfinished = `${path}.unfinished`;
  try {
    const file = await open(unfinished, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
