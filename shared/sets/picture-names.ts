import { SetError } from './embedding-set.ts';

/** How the path of a picture says whose it is. */
export const pictureNamings = ['market1501', 'cuhk03-np', 'veri776', 'folders'] as const;

export type PictureNaming = (typeof pictureNamings)[number];

/** Identity and camera of one picture. */
export interface PictureLabel {
  readonly identity: number;
  readonly camera: number;
}

interface Rule {
  readonly pattern: RegExp;
  readonly example: string;
}

/** What has to be in a path: the identity first, then the camera where names have one. */
const RULES: Readonly<Record<PictureNaming, Rule>> = {
  market1501: { pattern: /(?:^|\/)(-1|\d{1,9})_c(\d{1,4})s\d[^/]*$/, example: '0002_c1s1_000451_03.jpg' },
  'cuhk03-np': { pattern: /(?:^|\/)(-1|\d{1,9})_c(\d{1,4})(?:s\d)?_[^/]*$/, example: '0003_c1_21.png' },
  veri776: { pattern: /(?:^|\/)(\d{1,9})_c(\d{1,4})_[^/]*$/, example: '0001_c001_00016450_0.jpg' },
  folders: { pattern: /(?:^|\/)(-1|\d{1,9})\/[^/]+$/, example: '0002/any-name.jpg' },
};

/**
 * The identity and the camera that the path of a picture gives, as the data sets of that name write them
 * (Market-1501, CUHK03 in the form of 767 and 700 identities, VeRi-776), or by the folder that it lies in, which
 * is its identity (the camera is then 0). Throws {@link SetError} that names the path.
 */
export function parsePictureName(path: string, naming: PictureNaming): PictureLabel {
  const { pattern, example } = RULES[naming];
  const found = pattern.exec(path);
  if (found === null) {
    throw new SetError(
      'names',
      `names: ${path}: it is not named like ${example}, as ${naming} pictures are.`,
    );
  }
  return { identity: Number(found[1]), camera: Number(found[2] ?? 0) };
}
