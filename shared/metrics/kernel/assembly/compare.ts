import { counts, itemScores, items, limits, PANEL } from './layout';

/** Entries that one pass over a row is compared with. */
const GROUP = 4;

/**
 * Counts by comparing each score with each entry of the list, which is short.
 *
 * An entry whose item comes later loses ties: what is above the next lower float32 stands before it. One
 * whose item came earlier wins them. Where its item is in this very row, ties before it are counted apart.
 *
 * @param row scores of `width` items from `start` on, whole panels; overwritten.
 */
export function compareRow(row: usize, width: i32, start: i32, from: i32, length: i32): void {
  for (let i = 0; i < length; i++) {
    const entry = 4 * <usize>(from + i);
    const item = load<i32>(items + entry) - start;
    const score = load<f32>(itemScores + entry);
    store<f32>(limits + 4 * i, item >= width ? below(score) : score);
    if (item > 0 && item < width) add(entry, ties(row, item, score));
  }
  const groups = (length + GROUP - 1) & ~(GROUP - 1);
  for (let i = length; i < groups; i++) store<f32>(limits + 4 * i, <f32>Infinity);

  const end = compact(row, width, load<f32>(limits + 4 * (length - 1)));
  if (end === row) return;
  for (let i = 0; i < length; i += GROUP) {
    const limit0 = v128.load32_splat(limits + 4 * i);
    const limit1 = v128.load32_splat(limits + 4 * i, 4);
    const limit2 = v128.load32_splat(limits + 4 * i, 8);
    const limit3 = v128.load32_splat(limits + 4 * i, 12);
    let sum0 = i32x4.splat(0);
    let sum1 = i32x4.splat(0);
    let sum2 = i32x4.splat(0);
    let sum3 = i32x4.splat(0);
    for (let address = row; address < end; address += 32) {
      const first = v128.load(address);
      const last = v128.load(address, 16);
      // A comparison that holds gives −1.
      sum0 = i32x4.sub(sum0, i32x4.add(f32x4.gt(first, limit0), f32x4.gt(last, limit0)));
      sum1 = i32x4.sub(sum1, i32x4.add(f32x4.gt(first, limit1), f32x4.gt(last, limit1)));
      sum2 = i32x4.sub(sum2, i32x4.add(f32x4.gt(first, limit2), f32x4.gt(last, limit2)));
      sum3 = i32x4.sub(sum3, i32x4.add(f32x4.gt(first, limit3), f32x4.gt(last, limit3)));
    }
    const entry = 4 * <usize>(from + i);
    add(entry, total(sum0));
    if (i + 1 < length) add(entry + 4, total(sum1));
    if (i + 2 < length) add(entry + 8, total(sum2));
    if (i + 3 < length) add(entry + 12, total(sum3));
  }
}

/** Moves the panels with a score above `limit` together and returns their end. Most have none. */
function compact(row: usize, width: i32, limit: f32): usize {
  const limits = f32x4.splat(limit);
  const end = row + 4 * <usize>width;
  let target = row;
  for (let address = row; address < end; address += 4 * PANEL) {
    const first = v128.load(address);
    const last = v128.load(address, 16);
    v128.store(target, first);
    v128.store(target, last, 16);
    const any = v128.any_true(v128.or(f32x4.gt(first, limits), f32x4.gt(last, limits)));
    target += 4 * PANEL * <usize>any;
  }
  return target;
}

/** How many of the first `count` scores of a row are exactly `score`. */
function ties(row: usize, count: i32, score: f32): i32 {
  const splat = f32x4.splat(score);
  const whole = count & ~3;
  let sums = i32x4.splat(0);
  for (let j = 0; j < whole; j += 4) {
    sums = i32x4.sub(sums, f32x4.eq(v128.load(row + 4 * <usize>j), splat));
  }
  let sum = total(sums);
  for (let j = whole; j < count; j++) sum += i32(load<f32>(row + 4 * <usize>j) === score);
  return sum;
}

/** The next lower float32. */
function below(score: f32): f32 {
  const bits = reinterpret<i32>(score);
  if (score > 0) return reinterpret<f32>(bits - 1);
  if (score < 0) return reinterpret<f32>(bits + 1);
  return reinterpret<f32>(0x80000001);
}

function add(entry: usize, count: i32): void {
  store<i32>(counts + entry, load<i32>(counts + entry) + count);
}

function total(sums: v128): i32 {
  return (
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  );
}
