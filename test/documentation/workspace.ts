import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SoftmarginClient } from '@softmargin/client';
import { serialiseSafetensors } from '@softmargin/shared/bundle/safetensors.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { zipSync } from 'fflate';
import { randomParameters } from '../bundles.ts';
import { dataPath, hasData } from '../data.ts';
import { groupedSet, market1501Names } from '../grouped-set.ts';
import { writePictures } from '../picture-files.ts';
import type { Server } from '../server.ts';

/** A reader's clone with what the pages take for granted: pictures, features, and sets that are stored already. */
export interface Workspace {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  remove(): void;
}

const MOBILENET = 'models/mobilenet_v1_0.25_224';

/** How many features of how many numbers a reader of Python has; of the page about sets, enough for two parts. */
const shapeOf = (page: string) => (page === 'docs/sets.md' ? [9000, 512] : [90, 32]);

/** What the pages take from whoever reads them. */
const readerOf = (page: string) => `
import glob, numpy
__all__ = ["features", "identities", "cameras", "paths"]
shape = ${JSON.stringify(shapeOf(page))}
features = (numpy.arange(shape[0] * shape[1]).reshape(shape) % 1021 / 8).astype(">f4")
identities = numpy.arange(shape[0]) // 4
cameras = numpy.arange(shape[0]) % 6
paths = sorted(glob.glob("digits/*"))
`;

/** Makes a workspace, and stores the sets and the evaluations that a page speaks of. */
export async function makeWorkspace(page: string, server: Server): Promise<Workspace> {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-documentation-'));
  const path = (...names: string[]) => join(folder, ...names);
  for (const name of ['package.json', 'node_modules', 'shared', 'training', 'functions']) {
    symlinkSync(resolve(name), path(name));
  }
  mkdirSync(path('home'));
  // What the service refuses is a failure here.
  writeFileSync(path('home', '.curlrc'), 'fail-with-body\nshow-error\n');
  writeFileSync(path('reader.py'), readerOf(page));

  await writePictures(folder, ['digit.png', 'person.jpg', 'a.png', 'b.jpg', 'b.webp']);
  for (const name of ['digits', 'pictures']) await writePictures(path(name), market1501Names);
  const pictures = market1501Names.map((name) => ({ path: name, bytes: readFileSync(path('digits', name)) }));
  mkdirSync(path('archives'));
  for (const [i, picture] of pictures.entries()) {
    writeFileSync(path('archives', `${i}.zip`), zipSync({ [picture.path]: picture.bytes }));
  }
  const archive = zipSync(Object.fromEntries(pictures.map(({ path, bytes }) => [path, bytes])));
  for (const name of ['digits.zip', 'query.zip']) writeFileSync(path(name), archive);

  const [query, gallery] = [groupedSet(1, 30), groupedSet(2, 200)];
  writeFileSync(path('query.npz'), serialiseNpz(query));
  writeFileSync(path('gallery.npz'), serialiseNpz(gallery));
  const [rows] = shapeOf(page);
  const labels = Array.from({ length: rows }, (_, i) => `${i % 6},${Math.floor(i / 4)}`);
  writeFileSync(path('labels.csv'), ['camera,identity', ...labels].join('\n'));
  for (const name of ['a.csv', 'b.csv']) {
    const lines = Array.from({ length: 30 }, (_, i) => `${i},${i % 5},${i % 3},0.5,2,false`);
    const header = 'query,identity,camera,averagePrecision,firstMatchRank,skipped';
    writeFileSync(path(name), [header, ...lines].join('\n'));
  }
  copyFileSync('functions/bundles/mnist-wide.safetensors', path('digits.safetensors'));
  if (page === 'docs/import.md') writeWeights(path);
  else writeFileSync(path('resnet50.safetensors'), '');

  const key = server.authorized.Authorization.slice('Bearer '.length);
  const client = new SoftmarginClient({ url: server.url, key });
  for (const name of ['my-query', 'q']) await client.sets.putEmbeddings(name, query);
  for (const name of ['my-gallery', 'g']) await client.sets.putEmbeddings(name, gallery);
  await client.sets.putEmbeddings('my-points', groupedSet(3, 20, 2));
  for (const name of ['my-pictures', 'my-gallery-pictures']) {
    await client.sets.putPictures(name, pictures, 'market1501');
  }
  const rule = { query: 'q', gallery: 'g', protocol: 'none' } as const;
  const [a, b] = await Promise.all(
    (['cosine', 'euclidean'] as const).map((distance) => client.evaluations.create({ ...rule, distance })),
  );
  for (const { id } of [a, b]) await client.evaluations.wait(id);
  return {
    folder,
    environment: {
      ...{ HOME: path('home'), PATH: `${resolve('node_modules/.bin')}:${process.env.PATH}` },
      ...{ SOFTMARGIN_URL: server.url, SOFTMARGIN_KEY: key, A: a.id, B: b.id },
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** State dicts as PyTorch's safetensors has them, and a model of TensorFlow.js where the reference data are there. */
function writeWeights(path: (name: string) => string): void {
  for (const name of ['osnet_x1_0', 'resnet50']) {
    const tensors = randomParameters(architectures.get(name) as Architecture, 1);
    writeFileSync(path(`${name}.safetensors`), serialiseSafetensors({ tensors, metadata: { format: 'pt' } }));
  }
  for (const name of ['model.json', 'weights.bin']) {
    if (hasData(`${MOBILENET}/${name}`)) symlinkSync(dataPath(`${MOBILENET}/${name}`), path(name));
  }
}
