import {
  biases,
  dimension,
  isEuclidean,
  itemSquares,
  PANEL,
  panels,
  querySquares,
  scales,
  squares,
  staging,
  TILE,
  tiles,
} from './layout';

/** Rows that are copied together: as many streams as a cache follows. */
const ROWS_AT_ONCE = 8;

/** Squared lengths between these are multiplied as they are: no product of two leaves float32. */
const SMALLEST: f64 = 8.271806125530277e-25; // 2^-80
const LARGEST: f64 = 1.2089258196146292e24; // 2^80

/** Euclidean ranking adds squared lengths and products: above this they could leave float32. */
const LARGEST_EUCLIDEAN: f64 = 1.329227995784916e36; // 2^120

/** The row, if any, that `packQueries` or `packGallery` refused. */
export let refusedRow: i32 = -1;

/**
 * Takes rows `first` to `first + count − 1` of the queries out of the staging area, `[dimension, count]`.
 * `first` is a multiple of TILE. Returns whether all can be ranked.
 */
export function packQueries(first: i32, count: i32): bool {
  const address = tiles + 4 * <usize>first * dimension;
  regroup(address, count, TILE);
  for (let q = 0; q < count; q += TILE) {
    const tile = address + 4 * <usize>q * dimension;
    measure(tile, TILE);
    for (let lane = 0; lane < min(TILE, count - q); lane++) {
      const square = settle(tile, lane, TILE);
      if (square < 0) {
        refusedRow = first + q + lane;
        return false;
      }
      store<f64>(querySquares + 8 * <usize>(first + q + lane), square);
    }
  }
  return true;
}

/** Takes a block of `count` gallery items out of the staging area. Returns whether all can be ranked. */
export function packGallery(count: i32): bool {
  regroup(panels, count, PANEL);
  for (let j = 0; j < count; j += PANEL) {
    const panel = panels + 4 * <usize>j * dimension;
    measure(panel, PANEL);
    for (let lane = 0; lane < PANEL; lane++) {
      let scale: f32 = 0;
      // What fills the last panel stands behind everything.
      let bias: f32 = -Infinity;
      if (j + lane < count) {
        const square = settle(panel, lane, PANEL);
        if (square < 0) {
          refusedRow = j + lane;
          return false;
        }
        if (isEuclidean) {
          scale = 1;
          bias = <f32>(-0.5 * square);
        } else {
          scale = square === 0 ? 0 : <f32>(1 / Math.sqrt(square));
          bias = 0;
        }
      }
      store<f32>(scales + 4 * <usize>(j + lane), scale);
      store<f32>(biases + 4 * <usize>(j + lane), bias);
    }
  }
  return true;
}

/** Takes a block of `count` gallery items out of the staging area as it is, for distances in float64. */
export function packItems(count: i32): void {
  regroup(panels, count, PANEL);
  for (let j = 0; j < count; j += PANEL) {
    measure(panels + 4 * <usize>j * dimension, PANEL);
    memory.copy(itemSquares + 8 * <usize>j, squares, 8 * PANEL);
  }
}

/** Turns `[dimension, count]` into groups of `width` columns, `[group][dimension][width]`, zeros at the end. */
function regroup(target: usize, count: i32, width: i32): void {
  const whole = count - (count % width);
  const group = 4 * <usize>width * dimension;
  for (let k0 = 0; k0 < dimension; k0 += ROWS_AT_ONCE) {
    const k1 = min(dimension, k0 + ROWS_AT_ONCE);
    for (let j = 0; j < count; j += width) {
      let to = target + <usize>(j / width) * group + 4 * <usize>(k0 * width);
      let from = staging + 4 * (<usize>k0 * count + j);
      for (let k = k0; k < k1; k++) {
        if (j < whole) {
          v128.store(to, v128.load(from));
          if (width === PANEL) v128.store(to, v128.load(from, 16), 16);
        } else {
          for (let lane = 0; lane < width; lane++) {
            store<f32>(to + 4 * lane, j + lane < count ? load<f32>(from + 4 * lane) : 0);
          }
        }
        to += 4 * width;
        from += 4 * count;
      }
    }
  }
}

/** Squared lengths of a group's columns into `squares`, in double precision and the order of the dimensions. */
function measure(group: usize, width: i32): void {
  for (let lane = 0; lane < width; lane += 4) {
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    let address = group + 4 * lane;
    for (let k = 0; k < dimension; k++) {
      const row = v128.load(address);
      const first = f64x2.promote_low_f32x4(row);
      const last = f64x2.promote_low_f32x4(v128.shuffle<f32>(row, row, 2, 3, 2, 3));
      low = f64x2.add(low, f64x2.mul(first, first));
      high = f64x2.add(high, f64x2.mul(last, last));
      address += 4 * width;
    }
    v128.store(squares + 8 * lane, low);
    v128.store(squares + 8 * lane, high, 16);
  }
}

/**
 * The squared length of a column as it will be multiplied, or −1 where it is too large. For the cosine, a
 * column of extreme length is brought near one by a power of two, which changes no direction and rounds
 * nothing that matters.
 */
function settle(group: usize, lane: i32, width: i32): f64 {
  const square = load<f64>(squares + 8 * lane);
  if (isEuclidean) return square <= LARGEST_EUCLIDEAN ? square : -1;
  if (square === 0 || (square >= SMALLEST && square <= LARGEST)) return square;
  const exponent = <i64>((reinterpret<u64>(square) >> 52) & 2047) - 1023;
  const factor = reinterpret<f64>((<u64>(1023 - (exponent >> 1))) << 52);
  let address = group + 4 * lane;
  for (let k = 0; k < dimension; k++) {
    store<f32>(address, <f32>(<f64>load<f32>(address) * factor));
    address += 4 * width;
  }
  return square * factor * factor;
}
