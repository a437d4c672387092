import type { Picture } from '@softmargin/shared/images/picture.ts';
import type { Orientation } from './exif.ts';

/** Turns a picture as its EXIF orientation says. */
export function turnUpright({ width, height, data }: Picture, orientation: Orientation): Picture {
  if (orientation === 1) return { width, height, data };
  const turned = orientation >= 5;
  const [toWidth, toHeight] = turned ? [height, width] : [width, height];
  // Where the first pixel of the file goes, and how far the next one in a row and in a column is from it.
  const right = orientation === 2 || orientation === 3 || orientation === 6 || orientation === 7;
  const bottom = orientation === 3 || orientation === 4 || orientation === 7 || orientation === 8;
  const first = (bottom ? (toHeight - 1) * toWidth : 0) + (right ? toWidth - 1 : 0);
  const across = right ? -1 : 1;
  const down = bottom ? -toWidth : toWidth;
  const [byColumn, byRow] = turned ? [down, across] : [across, down];

  const from = pixelsOf(data);
  const to = new Uint32Array(width * height);
  for (let y = 0, source = 0; y < height; y++) {
    let place = first + y * byRow;
    for (let x = 0; x < width; x++, place += byColumn) to[place] = from[source++];
  }
  return { width: toWidth, height: toHeight, data: new Uint8Array(to.buffer) };
}

function pixelsOf(data: Picture['data']): Uint32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}
