/** Filters that are multiplied at a time: two vectors of four. */
export const PANEL: i32 = 8;

/** Bytes that a matrix takes when it is packed. */
export function packedBytes(rows: i32, columns: i32): usize {
  return 4 * <usize>(PANEL * rows) * <usize>((columns + PANEL - 1) / PANEL);
}

/**
 * Packs a matrix into panels of PANEL columns, [panels][rows][PANEL] with zeros at the end: what the inner
 * loop reads then lies in one row.
 *
 * Element (row, column) is at `source + row · rowBytes + column · columnBytes`.
 */
export function packMatrix(
  source: usize,
  rows: i32,
  columns: i32,
  rowBytes: usize,
  columnBytes: usize,
  target: usize,
): void {
  for (let first = 0; first < columns; first += PANEL) {
    const lanes = min(PANEL, columns - first);
    let from = source + <usize>first * columnBytes;
    for (let row = 0; row < rows; row++) {
      if (lanes === PANEL && columnBytes === 4) {
        v128.store(target, v128.load(from));
        v128.store(target, v128.load(from, 16), 16);
      } else {
        for (let lane = 0; lane < PANEL; lane++) {
          store<f32>(target + 4 * lane, lane < lanes ? load<f32>(from + <usize>lane * columnBytes) : 0);
        }
      }
      from += rowBytes;
      target += 4 * PANEL;
    }
  }
}

/**
 * Packs the filter that a convolution's input gradient is convolved with: reversed in space, inputs and
 * outputs swapped.
 *
 * source [taps, inputs, outputs] → [panels of inputs][taps · outputs][PANEL]
 */
export function packReversedFilter(source: usize, taps: i32, inputs: i32, outputs: i32, target: usize): void {
  const tapBytes = 4 * <usize>(inputs * outputs);
  for (let first = 0; first < inputs; first += PANEL) {
    const lanes = min(PANEL, inputs - first);
    for (let tap = taps - 1; tap >= 0; tap--) {
      const from = source + <usize>tap * tapBytes + 4 * <usize>(first * outputs);
      packMatrix(from, outputs, lanes, 4, 4 * <usize>outputs, target);
      target += 4 * <usize>(PANEL * outputs);
    }
  }
}
