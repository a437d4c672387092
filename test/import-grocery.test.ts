import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { preprocess } from '@softmargin/shared/images/preprocess.ts';
import { evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { tensorFeatures } from '@softmargin/shared/models/tensor-features.ts';
import { parseCsv } from '@softmargin/shared/sets/csv.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { unzipSync } from 'fflate';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FileDataset } from '../training/datasets/dataset.ts';
import { loadKernel } from '../training/evaluation/kernel.ts';
import { importModel } from '../training/import/import-model.ts';
import { expectAllClose } from './allclose.ts';
import { startBackend } from './backends.ts';
import { dataPath, hasData, readData, readDataText } from './data.ts';
import { GROCERY, loadGrocery } from './grocery.ts';

const MODEL = 'models/mobilenet_v1_0.25_224/model.json';
const PARTS = ['val', 'train', 'iconic'];
const needed = [
  MODEL,
  ...GROCERY,
  ...PARTS.flatMap((part) => [`grocery-store/${part}.zip`, `grocery-store/${part}.csv`]),
];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softmargin-grocery-'));
  await startBackend('wasm');
});

afterAll(() => rm(folder, { recursive: true }));

/** The pictures of some parts, unpacked into the folder. */
function groceryStore(parts: readonly string[]): FileDataset {
  const paths: string[] = [];
  const identities: number[] = [];
  for (const part of parts) {
    for (const [path, bytes] of Object.entries(unzipSync(readData(`grocery-store/${part}.zip`)))) {
      if (path.endsWith('/')) continue;
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    }
    const table = parseCsv(readDataText(`grocery-store/${part}.csv`), ['path', 'fine'], ['coarse']);
    for (const row of table.rows) {
      paths.push(join(folder, row[table.columns.indexOf('path')]));
      identities.push(Number(row[table.columns.indexOf('fine')]));
    }
  }
  const count = paths.length;
  return {
    ...{ name: parts.join(), count, paths, identities: Int32Array.from(identities) },
    cameras: new Int32Array(count).fill(parts.includes('val') ? 1 : 2),
  };
}

test.skipIf(!hasData(...needed))(
  'a real layers model gives the features, and the scores, that other implementations found',
  { timeout: 900_000 },
  async () => {
    const half = [0.5, 0.5, 0.5];
    const { bytes } = await importModel({
      ...{ file: dataPath(MODEL), name: 'mobilenet-v1', mean: half, deviation: half },
      ...{ distance: 'euclidean', weights: 'f32' },
    });
    const model = ServingModel.load(await readBundle(bytes), tensorFeatures);
    const queries = await featuresOf(model, groceryStore(['val']));
    const gallery = await featuresOf(model, groceryStore(['train', 'iconic']));
    model.dispose();

    const fixture = loadGrocery();
    expect(queries.identities).toEqual(fixture.queries.identities);
    expect(gallery.identities).toEqual(fixture.gallery.identities);
    expectAllClose(queries.features, fixture.queries.features, 1e-3, 'features of the queries');
    expectAllClose(gallery.features, fixture.gallery.features, 1e-3, 'features of the gallery');
    for (const distance of ['euclidean', 'cosine'] as const) {
      const rule = { protocol: 'none', distance } as const;
      const { mAP, mINP } = await evaluate(loadKernel(), rule, queries, gallery);
      const reference = fixture.expected[distance]['fast-reid'];
      expect(mAP, distance).toBeCloseTo(reference.mAP, 4);
      expect(mINP, distance).toBeCloseTo(reference.mINP as number, 4);
    }
  },
);

/**
 * The network's features, which are the fixture's before they get unit length. The pictures are smaller than the
 * network's input, and the fixture enlarged them with sharp's cubic filter; at their final size our own resize
 * leaves them as they are.
 */
async function featuresOf(model: ServingModel, dataset: FileDataset): Promise<EmbeddingSet> {
  const { height, width } = model.manifest.input;
  const { dimension } = model.manifest.embedding;
  const { count, paths, identities, cameras } = dataset;
  const features = new Float32Array(count * dimension);
  for (const [i, path] of paths.entries()) {
    const data = await sharp(path)
      .ensureAlpha()
      .resize(width, height, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer();
    const image = preprocess({ width, height, data }, model.manifest);
    features.set(await model.features(image, 1), i * dimension);
  }
  return { count, dimension, features, identities, cameras };
}
