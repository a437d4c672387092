import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { MAX_SET_PICTURES, PICTURES_PER_PAGE } from '../limits.ts';
import { owned, send } from '../test/client.ts';
import { joinLabels } from './content.ts';
import { bytesOf, putObject } from './content-store.ts';
import { PictureContent, type PictureEntry, storePicturePages } from './picture-content.ts';
import { completePictureUpload } from './picture-parts.ts';
import { beginUpload, findUpload, type PicturesUpload, storeHeld } from './uploads.ts';

const PARTS = 100;
const PICTURES = MAX_SET_PICTURES / PARTS;

/** What is stored of a picture of which only the place is looked at here. */
function entry(index: number): PictureEntry {
  const path = `bounding_box_test/${String(index % 1501).padStart(4, '0')}_c${index % 6}s1_${index}_00.jpg`;
  const block = Math.floor(index / 100)
    .toString(16)
    .padStart(64, '0');
  return { path, place: { block, start: 1000 * (index % 100), bytes: 1000 } };
}

/** Stores a part as it is after its body was read. @param first its first picture, where it is another. */
async function putPart(upload: PicturesUpload, part: number, first?: PictureEntry): Promise<void> {
  const start = (part - 1) * PICTURES;
  const entries = Array.from({ length: PICTURES }, (_, i) => entry(start + i));
  if (first !== undefined) entries[0] = first;
  await storeHeld(owned, upload, async (store) => {
    const blocks = (await storePicturePages(store, entries)).map(({ sha256 }) => sha256);
    const identities = Int32Array.from({ length: PICTURES }, (_, i) => (start + i) % 1501);
    const cameras = Int32Array.from({ length: PICTURES }, (_, i) => (start + i) % 6);
    const labels = await putObject(store, bytesOf(joinLabels({ identities, cameras })));
    return { part, rows: PICTURES, sha256: `${first?.path} ${part}`, blocks, labels, bytes: 1000 * PICTURES };
  });
}

test('as many pictures as a set may have are completed, and a path that the first and the last part have is found', {
  timeout: 300_000,
}, async () => {
  const begun = { kind: 'pictures', count: MAX_SET_PICTURES, names: 'market1501' } as const;
  const { id } = await beginUpload(owned, 'huge', begun);
  const upload = async () => (await findUpload(owned, 'huge', id)) as PicturesUpload;
  for (let part = 1; part < PARTS; part++) await putPart(await upload(), part);
  const nothing = { sha256: undefined, table: undefined };
  await putPart(await upload(), PARTS, entry(0));
  await expect(completePictureUpload(owned, await upload(), nothing)).rejects.toThrow(
    `parts: ${entry(0).path} is in part 1 and in part ${PARTS}; a path is there once.`,
  );
  await putPart(await upload(), PARTS);
  const { description } = await completePictureUpload(owned, await upload(), nothing);
  expect(description).toMatchObject({ count: MAX_SET_PICTURES, identities: 1501, cameras: 6 });
  expect(description.bytes).toBe(1000 * MAX_SET_PICTURES);

  const content = await PictureContent.open(env.STORE, description.sha256);
  const [from, to] = [MAX_SET_PICTURES - PICTURES_PER_PAGE - 1, MAX_SET_PICTURES];
  expect(await content.entries(from, to)).toEqual(
    Array.from({ length: to - from }, (_, i) => entry(from + i)),
  );
  const { body } = await send('GET', `/v1/sets/huge/items?limit=1&after=${MAX_SET_PICTURES - 2}`);
  expect(body.data).toMatchObject([{ index: MAX_SET_PICTURES - 1, path: entry(MAX_SET_PICTURES - 1).path }]);
});
