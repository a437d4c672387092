import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import * as z from 'zod';
import { extractCuhk03Pictures } from '../../training/datasets/cuhk03-mat.ts';
import { pythonWith } from '../python.ts';

const python = pythonWith('h5py', 'numpy');
const directory = mkdtempSync(join(tmpdir(), 'softmargin-h5py-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** By boxes and name: height, width, and the SHA-256 of the pixels. */
const readingSchema = z.record(z.string(), z.record(z.string(), z.tuple([z.int(), z.int(), z.string()])));

test.skipIf(python === undefined)('what h5py reads of a cuhk-03.mat is what is extracted', async () => {
  const script = join(import.meta.dirname, 'cuhk03_mat.py');
  const { status, stdout, stderr } = spawnSync(python as string, [script, join(directory, 'cuhk-03.mat')], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  const reading = readingSchema.parse(JSON.parse(stdout));
  for (const boxes of ['labeled', 'detected'] as const) {
    const folder = join(directory, boxes);
    await extractCuhk03Pictures(directory, boxes, folder, () => {});
    const names = readdirSync(folder).sort();
    expect(names.length).toBeGreaterThan(30);
    expect(names).toEqual(Object.keys(reading[boxes]).sort());
    for (const name of names) {
      const { data, info } = await sharp(join(folder, name)).raw().toBuffer({ resolveWithObject: true });
      const digest = createHash('sha256').update(data).digest('hex');
      expect([info.height, info.width, digest], name).toEqual(reading[boxes][name]);
    }
  }
});
