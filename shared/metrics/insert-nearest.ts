/**
 * Puts an item into a list of the nearest, in its place by a key that is lower for what is nearer. Items come in
 * ascending order: one whose key another has stands behind it.
 *
 * @param keys of several lists, one after the other, each ascending; `items` are theirs.
 * @param first of the list's places, as `last` is. The caller has seen that the key is below the one there: most
 *   items are turned away, and cost no call.
 */
export function insertNearest(
  keys: Float32Array | Float64Array,
  items: Int32Array,
  first: number,
  last: number,
  key: number,
  item: number,
): void {
  let place = last;
  for (; place > first && keys[place - 1] > key; place--) {
    keys[place] = keys[place - 1];
    items[place] = items[place - 1];
  }
  keys[place] = key;
  items[place] = item;
}
