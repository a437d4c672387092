import { type Orientation, readOrientation, startsWithText } from './exif.ts';

/** What a WebP file holds: the picture, or the first frame of an animation and where it lies. */
export interface WebpContent {
  /** The canvas. */
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  /** A still WebP file: the file itself, or one made around the first frame. */
  readonly still: Uint8Array;
  /** Size of the still picture and its place on the canvas, which is transparent around it. */
  readonly frame: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

interface Chunk {
  readonly name: string;
  readonly data: Uint8Array;
}

const RIFF_HEADER = 12;
const CHUNK_HEADER = 8;
const FRAME_HEADER = 16;
const ALPHA = 0x10;

/**
 * Reads the container of a WebP file down to the sizes of its pictures.
 *
 * @throws {RangeError} that says where the file breaks off or what it lacks.
 */
export function readWebp(bytes: Uint8Array): WebpContent {
  const announced = CHUNK_HEADER + viewOf(bytes).getUint32(4, true);
  if (announced > bytes.length) {
    throw new RangeError(`its header says ${announced} bytes, the file has ${bytes.length}`);
  }
  const chunks = readChunks(bytes.subarray(RIFF_HEADER, announced));
  if (chunks[0]?.name !== 'VP8X') {
    const { width, height } = codedSize(chunks);
    return { width, height, orientation: 1, still: bytes, frame: { x: 0, y: 0, width, height } };
  }
  const header = chunks[0].data;
  if (header.length < 10) throw new RangeError('its VP8X chunk is too short');
  const width = 1 + uint24(header, 4);
  const height = 1 + uint24(header, 7);
  const exif = chunks.find(({ name }) => name === 'EXIF');
  const orientation = exif === undefined ? 1 : readOrientation(exif.data);
  const animation = chunks.find(({ name }) => name === 'ANMF');
  if (animation === undefined) {
    codedSize(chunks, { width, height });
    return { width, height, orientation, still: bytes, frame: { x: 0, y: 0, width, height } };
  }

  const { data } = animation;
  if (data.length < FRAME_HEADER) throw new RangeError('its first ANMF chunk is too short');
  const frame = {
    x: 2 * uint24(data, 0),
    y: 2 * uint24(data, 3),
    width: 1 + uint24(data, 6),
    height: 1 + uint24(data, 9),
  };
  if (frame.x + frame.width > width || frame.y + frame.height > height) {
    throw new RangeError('its first frame reaches beyond the canvas');
  }
  const content = data.subarray(FRAME_HEADER);
  codedSize(readChunks(content), frame);
  return { width, height, orientation, still: stillFile(content, frame.width, frame.height), frame };
}

function readChunks(bytes: Uint8Array): Chunk[] {
  const view = viewOf(bytes);
  const chunks: Chunk[] = [];
  for (let offset = 0; offset + CHUNK_HEADER <= bytes.length; ) {
    const name = String.fromCharCode(...bytes.subarray(offset, offset + 4));
    const length = view.getUint32(offset + 4, true);
    const start = offset + CHUNK_HEADER;
    if (start + length > bytes.length) throw new RangeError(`it breaks off in its ${name} chunk`);
    chunks.push({ name, data: bytes.subarray(start, start + length) });
    // Chunks begin at even places.
    offset = start + length + (length % 2);
  }
  return chunks;
}

/** The size that the coded picture has; the codec allocates by it, so it has to be the one expected. */
function codedSize(
  chunks: readonly Chunk[],
  expected?: { width: number; height: number },
): { width: number; height: number } {
  const chunk = chunks.find(({ name }) => name === 'VP8 ' || name === 'VP8L');
  if (chunk === undefined) throw new RangeError('it has no picture (no VP8 or VP8L chunk)');
  const size = chunk.name === 'VP8 ' ? lossySize(chunk.data) : losslessSize(chunk.data);
  if (expected !== undefined && (size.width !== expected.width || size.height !== expected.height)) {
    throw new RangeError(
      `its picture is ${size.width}×${size.height}, where its container says ${expected.width}×${expected.height}`,
    );
  }
  return size;
}

function lossySize(data: Uint8Array): { width: number; height: number } {
  if (data.length < 10 || !startsWithText(data, '\x9d\x01\x2a', 3)) {
    throw new RangeError('its VP8 chunk does not begin with a key frame');
  }
  const view = viewOf(data);
  return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff };
}

function losslessSize(data: Uint8Array): { width: number; height: number } {
  if (data.length < 5 || data[0] !== 0x2f) throw new RangeError('its VP8L chunk has no signature');
  const bits = viewOf(data).getUint32(1, true);
  return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
}

/** A still file around the chunks of one frame. */
function stillFile(chunks: Uint8Array, width: number, height: number): Uint8Array {
  const extended = CHUNK_HEADER + 10;
  const file = new Uint8Array(RIFF_HEADER + extended + chunks.length);
  const view = viewOf(file);
  const write = (text: string, offset: number) => {
    for (let i = 0; i < text.length; i++) file[offset + i] = text.charCodeAt(i);
  };
  write('RIFF', 0);
  view.setUint32(4, file.length - CHUNK_HEADER, true);
  write('WEBPVP8X', 8);
  view.setUint32(16, 10, true);
  view.setUint32(20, startsWithText(chunks, 'ALPH') || startsWithText(chunks, 'VP8L') ? ALPHA : 0, true);
  view.setUint32(24, width - 1, true);
  view.setUint16(27, (height - 1) & 0xffff, true);
  file[29] = (height - 1) >> 16;
  file.set(chunks, RIFF_HEADER + extended);
  return file;
}

function uint24(bytes: Uint8Array, offset: number): number {
  return bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
