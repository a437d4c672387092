/**
 * Sorts `order[0]` to `order[length − 1]`, which are indices into `scores`, by score, the highest first.
 * What is equal keeps its order. Typed arrays and no callback: lists of matches are many and may be long.
 *
 * @param scratch as long as the part that is sorted.
 */
export function sortByScore(
  order: Int32Array,
  scratch: Int32Array,
  length: number,
  scores: Float32Array | Float64Array,
): void {
  let from = order;
  let to = scratch;
  for (let run = 1; run < length; run *= 2) {
    for (let start = 0; start < length; start += 2 * run) {
      const middle = Math.min(length, start + run);
      const end = Math.min(length, start + 2 * run);
      let left = start;
      let right = middle;
      for (let place = start; place < end; place++) {
        const takesLeft = right === end || (left < middle && scores[from[left]] >= scores[from[right]]);
        to[place] = takesLeft ? from[left++] : from[right++];
      }
    }
    [from, to] = [to, from];
  }
  if (from !== order) order.set(from.subarray(0, length));
}
