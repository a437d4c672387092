import { type Orientation, readOrientation, startsWithText } from './exif.ts';

/** What a picture's file says of itself before its pixels. */
export interface PictureHeader {
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  /** Colour channels as they are stored: 4 is CMYK in a JPEG. `undefined` where it does not matter. */
  readonly components?: number;
  /** How a JPEG is coded: the second byte of its frame marker. */
  readonly frame?: number;
}

/**
 * Reads the header of a PNG and walks its chunks to the end: the codec stops at the last pixel and looks at no
 * checksum, so a damaged file would give a wrong picture.
 *
 * @throws {RangeError} that says where the file breaks off or is damaged.
 */
export function readPngHeader(bytes: Uint8Array): PictureHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = PNG_SIGNATURE_LENGTH;
  let orientation: Orientation = 1;
  for (;;) {
    // Length, type, data, checksum of type and data.
    if (offset + 12 > bytes.length) throw new RangeError(`it breaks off in a chunk at byte ${offset}`);
    const length = view.getUint32(offset);
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    const end = offset + 12 + length;
    if (offset === PNG_SIGNATURE_LENGTH && (type !== 'IHDR' || length !== 13)) {
      throw new RangeError('it does not begin with an IHDR chunk');
    }
    if (end > bytes.length) {
      throw new RangeError(`its ${type} chunk ends at byte ${end}, the file at ${bytes.length}`);
    }
    if (crc32(bytes.subarray(offset + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw new RangeError(`the checksum of its ${type} chunk at byte ${offset} is wrong`);
    }
    if (type === 'IEND') break;
    if (type === 'eXIf') orientation = readOrientation(bytes.subarray(offset + 8, end - 4));
    offset = end;
  }
  const data = PNG_SIGNATURE_LENGTH + 8;
  return { width: view.getUint32(data), height: view.getUint32(data + 4), orientation };
}

/**
 * Reads the header of a JPEG: its segments up to the first scan.
 *
 * @throws {RangeError} that says where the file breaks off.
 */
export function readJpegHeader(bytes: Uint8Array): PictureHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: Omit<PictureHeader, 'orientation'> | undefined;
  let orientation: Orientation | undefined;
  let offset = 2;
  while (offset + 4 <= bytes.length && bytes[offset] === 0xff) {
    const marker = bytes[offset + 1];
    if (marker === 0xff || isBareMarker(marker)) {
      offset += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === START_OF_SCAN) break;
    const end = offset + 2 + view.getUint16(offset + 2);
    if (isFrameMarker(marker) && frame === undefined) {
      if (offset + 10 > bytes.length) break;
      frame = {
        height: view.getUint16(offset + 5),
        width: view.getUint16(offset + 7),
        components: bytes[offset + 9],
        frame: marker,
      };
    }
    if (marker === APP1 && startsWithText(bytes, 'Exif\0\0', offset + 4)) {
      orientation ??= readOrientation(bytes.subarray(offset + 4, end));
    }
    offset = end;
  }
  if (frame !== undefined) return { ...frame, orientation: orientation ?? 1 };
  throw new RangeError(
    offset < bytes.length
      ? `it has no frame header up to byte ${offset}`
      : 'it breaks off before its frame header',
  );
}

const START_OF_SCAN = 0xda;
const APP1 = 0xe1;
const PNG_SIGNATURE_LENGTH = 8;

/** SOF0 to SOF15, without the three codes in between that mean something else (DHT, JPG, DAC). */
function isFrameMarker(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** TEM and RST0 to RST7 have no length. */
function isBareMarker(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
