/** How a picture lies in its file, as EXIF numbers it: 1 is upright, 2 to 8 are mirrored or turned. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const ORIENTATION_TAG = 0x0112;
const SHORT = 3;
const PREFIX = 'Exif\0\0';

/**
 * The orientation in EXIF data (a TIFF header and its first directory, with or without "Exif\0\0" before it).
 * Data that is broken or says nothing leaves the picture as it is: 1, as Pillow and libvips do.
 */
export function readOrientation(exif: Uint8Array): Orientation {
  const tiff = startsWithText(exif, PREFIX) ? exif.subarray(PREFIX.length) : exif;
  const littleEndian = startsWithText(tiff, 'II*\0');
  if (!littleEndian && !startsWithText(tiff, 'MM\0*')) return 1;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (tiff.length < 8) return 1;
  const directory = view.getUint32(4, littleEndian);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, littleEndian);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.length) return 1;
    if (view.getUint16(entry, littleEndian) !== ORIENTATION_TAG) continue;
    if (view.getUint16(entry + 2, littleEndian) !== SHORT) return 1;
    const value = view.getUint16(entry + 8, littleEndian);
    return value >= 1 && value <= 8 ? (value as Orientation) : 1;
  }
  return 1;
}

/** Whether bytes begin with a text of single-byte characters. */
export function startsWithText(bytes: Uint8Array, text: string, offset = 0): boolean {
  if (bytes.length < offset + text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[offset + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}
