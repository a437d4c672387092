/** Frames of one scan that holds all pixels: SOF0 and SOF1. */
const SEQUENTIAL = [0xc0, 0xc1];
const START_OF_SCAN = 0xda;
const RESTART_INTERVAL = 0xdd;

/**
 * A sequential JPEG whose first scan has every component, cut behind its last pixel and ended there. What
 * comes after that is nothing to the picture: libvips and Pillow do not look at it either.
 *
 * @param bytes a JPEG whose segments up to its first scan are whole.
 * @returns `undefined` where the file is coded otherwise.
 */
export function withoutTrailer(bytes: Uint8Array): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let units = 0;
  let components = 0;
  let interval = 0;
  let offset = 2;
  for (;;) {
    if (offset + 4 > bytes.length || bytes[offset] !== 0xff) return undefined;
    const marker = bytes[offset + 1];
    if (marker === 0xff) {
      offset++;
      continue;
    }
    const end = offset + 2 + view.getUint16(offset + 2);
    if (end > bytes.length) return undefined;
    if (SEQUENTIAL.includes(marker)) {
      components = bytes[offset + 9];
      units = codedUnits(view, offset);
    }
    if (marker === RESTART_INTERVAL) interval = view.getUint16(offset + 4);
    offset = end;
    if (marker === START_OF_SCAN) {
      if (units === 0 || view.getUint8(end - 4 - 2 * components) !== components) return undefined;
      break;
    }
  }

  let restarts = interval === 0 ? 0 : Math.ceil(units / interval) - 1;
  for (; offset + 1 < bytes.length; offset++) {
    if (bytes[offset] !== 0xff || bytes[offset + 1] === 0 || bytes[offset + 1] === 0xff) continue;
    const isRestart = bytes[offset + 1] >= 0xd0 && bytes[offset + 1] <= 0xd7;
    if (!isRestart || restarts === 0) break;
    restarts--;
  }
  const whole = new Uint8Array(offset + 2);
  whole.set(bytes.subarray(0, offset));
  whole.set([0xff, 0xd9], offset);
  return whole;
}

/** How many units the one scan of a frame has: a restart marker stands behind every so many. */
function codedUnits(view: DataView, frame: number): number {
  const height = view.getUint16(frame + 5);
  const width = view.getUint16(frame + 7);
  const components = view.getUint8(frame + 9);
  let across = 1;
  let down = 1;
  for (let i = 0; components > 1 && i < components; i++) {
    const sampling = view.getUint8(frame + 11 + 3 * i);
    across = Math.max(across, sampling >> 4);
    down = Math.max(down, sampling & 15);
  }
  return Math.ceil(width / (8 * across)) * Math.ceil(height / (8 * down));
}
