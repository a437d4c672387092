import { zipSync } from 'fflate';
import { subset } from '../../training/datasets/dataset.ts';
import { loadDigits } from '../../training/datasets/digits.ts';
import { pngOf } from '../../training/reporting/png.ts';

/** Some held-out digits as PNG files, named as Market-1501 names pictures: the digit is the identity. */
export async function digitPictures(first: number, count: number): Promise<Record<string, Uint8Array>> {
  const { test } = await loadDigits(undefined);
  const some = subset(
    test,
    // They lie sorted by digit: this is a walk over all of them.
    Array.from({ length: count }, (_, i) => (37 * (first + i)) % test.count),
  );
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < count; i++) {
    const identity = String(some.identities[i]).padStart(4, '0');
    const camera = (i % 3) + 1;
    files[`${identity}_c${camera}s1_${String(first + i).padStart(6, '0')}_00.png`] = await pngOf(some, i);
  }
  return files;
}

/** An archive of pictures. */
export function archiveOf(files: Record<string, Uint8Array>): Buffer {
  return Buffer.from(zipSync(files, { level: 0 }));
}
