import { basename, dirname, join, resolve } from 'node:path';
import type { DatasetSplit, FileDataset } from './dataset.ts';
import { type HoldOut, holdOutIdentities } from './hold-out.ts';
import { byCodeUnits, exists, listPictures } from './picture-files.ts';

/**
 * A folder with a folder for each identity (`identity/picture.jpg`); the folders of identities may stand in
 * folders themselves (`fruit/apple/identity/picture.jpg`). Every camera is 0.
 *
 * Where there is a folder `train`, only what is in it is trained on. Then `query` and `gallery` are ranked
 * against each other, or the pictures of `test` each against the others. An identity is the same in all of
 * them if the path of its folder is.
 *
 * @throws {Error} if there is no picture in a folder of an identity.
 */
export async function loadImageFolder(directory: string, holdOut?: HoldOut): Promise<DatasetSplit> {
  const name = basename(resolve(directory));
  const divided = await exists(join(directory, 'train'));
  const roles = divided ? ['train', 'query', 'gallery', 'test'] : [''];
  const lists = new Map<string, string[]>();
  for (const role of roles) {
    if (role !== 'train' && role !== '' && !(await exists(join(directory, role)))) continue;
    const pictures = await listPictures(join(directory, role));
    const stray = pictures.find((picture) => dirname(picture) === '.');
    if (stray !== undefined) {
      throw new Error(`${join(directory, role, stray)} is in no identity's folder.`);
    }
    lists.set(role, pictures);
  }
  const identityNames = [...new Set([...lists.values()].flat().map((picture) => dirname(picture)))];
  const identityOf = new Map(identityNames.sort(byCodeUnits).map((identity, number) => [identity, number]));
  const part = (role: string): FileDataset | undefined => {
    const pictures = lists.get(role);
    return (
      pictures && {
        name: role === '' ? name : `${name} (${role})`,
        count: pictures.length,
        paths: pictures.map((picture) => join(directory, role, picture)),
        identities: Int32Array.from(pictures, (picture) => identityOf.get(dirname(picture)) as number),
        cameras: new Int32Array(pictures.length),
      }
    );
  };
  const train = part(roles[0]) as FileDataset;
  if (train.count === 0) throw new Error(`There is no picture in ${join(directory, roles[0])}.`);
  const [query, gallery, test] = ['query', 'gallery', 'test'].map(part);
  if ((query === undefined) !== (gallery === undefined)) {
    throw new Error(`${directory} has ${query ? 'a query' : 'a gallery'} folder without the other.`);
  }
  if (query && test) throw new Error(`${directory} has both test, and query and gallery; keep one of them.`);
  return {
    name,
    description: `${divided ? 'folders' : 'all to train on'}${
      holdOut ? `; ${holdOut.identities} identities held out, seed ${holdOut.seed}` : ''
    }`,
    ...(holdOut ? holdOutIdentities(train, holdOut, 'all') : { train }),
    ...(query && gallery && { test: { query, gallery, protocol: 'none' } }),
    ...(test && { test: { query: test, gallery: test, protocol: 'all' } }),
    warnings: [],
  };
}
