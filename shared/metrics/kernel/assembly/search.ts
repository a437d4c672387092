import { counts, itemScores, items, PANEL } from './layout';

/**
 * Counts by searching the place of each score in the list, which is long: adds one where the first entry
 * that the item stands before is. `finishCounts` sums these up.
 *
 * @param row scores of `width` items from `start` on, whole panels.
 */
export function searchRow(row: usize, width: i32, start: i32, from: i32, length: i32): void {
  const list = itemScores + 4 * <usize>from;
  const furthest = f32x4.splat(load<f32>(list + 4 * <usize>(length - 1)));
  for (let j = 0; j < width; j += PANEL) {
    const address = row + 4 * <usize>j;
    const reached = v128.or(
      f32x4.ge(v128.load(address), furthest),
      f32x4.ge(v128.load(address, 16), furthest),
    );
    if (!v128.any_true(reached)) continue;
    searchFour(address, start + j, from, length);
    searchFour(address + 16, start + j + 4, from, length);
  }
}

/** Four searches side by side, without a branch that depends on a score. */
function searchFour(address: usize, item: i32, from: i32, length: i32): void {
  const a = load<f32>(address);
  const b = load<f32>(address, 4);
  const c = load<f32>(address, 8);
  const d = load<f32>(address, 12);
  const list = itemScores + 4 * <usize>from;
  let placeA = list;
  let placeB = list;
  let placeC = list;
  let placeD = list;
  let rest = length;
  while (rest > 1) {
    const half = rest >>> 1;
    const step = 4 * <usize>half;
    placeA += step & -(<usize>(load<f32>(placeA + step - 4) >= a));
    placeB += step & -(<usize>(load<f32>(placeB + step - 4) >= b));
    placeC += step & -(<usize>(load<f32>(placeC + step - 4) >= c));
    placeD += step & -(<usize>(load<f32>(placeD + step - 4) >= d));
    rest -= half;
  }
  settle(placeA, a, item, from, length);
  settle(placeB, b, item + 1, from, length);
  settle(placeC, c, item + 2, from, length);
  settle(placeD, d, item + 3, from, length);
}

/** Ends a search with one entry left, and puts an item behind equal entries of a lower index only. */
function settle(last: usize, score: f32, item: i32, from: i32, length: i32): void {
  const list = itemScores + 4 * <usize>from;
  let place = <i32>((last - list) >>> 2) + i32(load<f32>(last) >= score);
  if (place > 0 && load<f32>(list + 4 * <usize>(place - 1)) === score) {
    place = placeAmongEqual(score, item, from, place);
  }
  if (place < length) {
    const count = counts + 4 * <usize>(from + place);
    store<i32>(count, load<i32>(count) + 1);
  }
}

/** The first of the list's first `end` entries that an item stands before, by score and then by index. */
function placeAmongEqual(score: f32, item: i32, from: i32, end: i32): i32 {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = 4 * <usize>(from + middle);
    const other = load<f32>(itemScores + entry);
    if (other > score || (other === score && load<i32>(items + entry) <= item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
