import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Dataset, File, Group, Reference, ready } from 'h5wasm/node';
import sharp from 'sharp';
import type { Cuhk03Boxes } from './cuhk03.ts';
import { exists } from './picture-files.ts';

/**
 * Writes the pictures of the official `cuhk-03.mat` (MATLAB 7.3, which is HDF5) as PNG files, named as
 * torchreid names them: `<pair>_<person>_<camera>_<picture>.png`, all counted from 1. The folder appears when
 * it is complete.
 *
 * In the file, `labeled` and `detected` are cells of one entry for each pair of cameras; each entry is a cell
 * of persons × 10 pictures, the first five by camera 1 and the others by camera 2, empty where there are fewer.
 *
 * @throws {Error} if the file is not there or is not laid out like this.
 */
export async function extractCuhk03Pictures(
  directory: string,
  boxes: Cuhk03Boxes,
  folder: string,
  note: (message: string) => void,
): Promise<void> {
  const path = await findFile(directory);
  note(`Extracting the ${boxes} pictures of ${path} to ${folder}, once.`);
  const unfinished = `${folder}.unfinished`;
  await checkSignature(path);
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await ready;
  const file = new File(path, 'r');
  try {
    const referenced = referencedDatasets(file);
    for (const [pair, cell] of readCell(referenced, file.get(boxes), boxes).entries.entries()) {
      // MATLAB stores by columns, so HDF5 sees the cell turned on its side: 10 × persons.
      const { shape, entries } = readCell(referenced, cell, `${boxes}{${pair + 1}}`);
      const persons = shape[1];
      for (const [index, entry] of entries.entries()) {
        const picture = Math.floor(index / persons);
        const person = index % persons;
        const camera = picture < PICTURES_OF_A_CAMERA ? 1 : 2;
        const number = (value: number, digits: number) => String(value + 1).padStart(digits, '0');
        const name = `${pair + 1}_${number(person, 3)}_${camera}_${number(picture, 2)}.png`;
        await writePicture(entry, join(unfinished, name));
      }
    }
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  } finally {
    file.close();
  }
  await rename(unfinished, folder);
}

const PICTURES_OF_A_CAMERA = 5;

async function findFile(directory: string): Promise<string> {
  const places = [join(directory, 'cuhk-03.mat'), join(directory, 'cuhk03_release', 'cuhk-03.mat')];
  for (const path of places) if (await exists(path)) return path;
  throw new Error(
    `The pictures of CUHK03 are not there: neither a folder of them, nor ${places.join(' or ')}.`,
  );
}

/** HDF5's signature, after the 512 bytes that MATLAB puts before it. The library itself would print a trace. */
async function checkSignature(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(520), 0, 520, 0);
    const signature = '\x89HDF\r\n\x1a\n';
    const at = (start: number) => buffer.toString('latin1', start, Math.min(bytesRead, start + 8));
    if (at(0) !== signature && at(512) !== signature) {
      throw new Error(`${path} is no MATLAB 7.3 file: it is not HDF5.`);
    }
  } finally {
    await handle.close();
  }
}

/** By the address that a reference to them holds. */
type Referenced = ReadonlyMap<string, Dataset>;

/**
 * What MATLAB's cells refer to, which it keeps in one group. The library's own look-up of a reference searches
 * the whole group each time: half an hour for this file.
 */
function referencedDatasets(file: File): Referenced {
  const group = file.get('#refs#');
  if (!(group instanceof Group))
    throw new Error('it has no group #refs#, where MATLAB keeps what is in cells');
  return new Map(
    group.keys().flatMap((name) => {
      const entity = group.get(name);
      return entity instanceof Dataset ? [[address(entity.create_reference()), entity] as const] : [];
    }),
  );
}

function address(reference: Reference): string {
  return Array.from(reference.ref_data).join();
}

function readCell(
  referenced: Referenced,
  cell: ReturnType<Group['get']> | undefined,
  where: string,
): { shape: number[]; entries: Dataset[] } {
  const references: unknown = cell instanceof Dataset ? cell.value : undefined;
  if (!(cell instanceof Dataset) || cell.shape?.length !== 2 || !Array.isArray(references)) {
    throw new Error(`${where} is not a cell array`);
  }
  const entries = references.map((reference: unknown) => {
    const entry = reference instanceof Reference ? referenced.get(address(reference)) : undefined;
    if (entry === undefined) throw new Error(`${where} refers to something that is not in #refs#`);
    return entry;
  });
  return { shape: cell.shape, entries };
}

/** A picture of height × width × 3 in MATLAB is 3 × width × height in HDF5; an empty cell is two numbers. */
async function writePicture(entity: Dataset, path: string): Promise<void> {
  if (entity.shape?.length !== 3) return;
  const [channels, width, height] = entity.shape;
  const stored = entity.value;
  if (channels !== 3 || !(stored instanceof Uint8Array)) {
    throw new Error(`a picture is ${entity.shape.join(' × ')} of ${entity.dtype}, not 8-bit colour`);
  }
  const data = new Uint8Array(stored.length);
  for (let c = 0; c < 3; c++) {
    for (let x = 0; x < width; x++) {
      for (let y = 0; y < height; y++) data[(y * width + x) * 3 + c] = stored[(c * width + x) * height + y];
    }
  }
  await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(path);
}
