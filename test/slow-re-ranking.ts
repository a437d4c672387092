/**
 * k-reciprocal re-ranking the obvious way: every matrix is there, and each step is the paper's (Zhong et
 * al., CVPR 2017).
 *
 * @param distances of all items to all, queries first. @returns queries × gallery.
 */
export function slowReRank(
  distances: readonly (readonly number[])[],
  queryCount: number,
  { k1, k2, lambda }: { readonly k1: number; readonly k2: number; readonly lambda: number },
): number[][] {
  const items = distances.map((_, i) => i);
  const original = distances.map((row) => {
    const largest = Math.max(...row.map((value) => value ** 2));
    return row.map((value) => (largest === 0 ? 0 : value ** 2 / largest));
  });
  const order = distances.map((row) => [...items].sort((a, b) => row[a] - row[b] || a - b));
  const reciprocal = (i: number, k: number) =>
    order[i].slice(0, k + 1).filter((j) => order[j].slice(0, k + 1).includes(i));
  // NumPy's around.
  const half = k1 % 4 === 1 ? (k1 - 1) / 2 : k1 % 4 === 3 ? (k1 + 1) / 2 : k1 / 2;

  const encodings = items.map((i) => {
    const near = reciprocal(i, k1);
    const expanded = new Set(near);
    for (const candidate of near) {
      const theirs = reciprocal(candidate, half);
      const both = theirs.filter((each) => near.includes(each));
      if (both.length > (2 / 3) * theirs.length) for (const each of theirs) expanded.add(each);
    }
    const weights = items.map((j) => (expanded.has(j) ? Math.exp(-original[i][j]) : 0));
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => (total === 0 ? 0 : weight / total));
  });
  const averaged = items.map((i) => {
    const near = k2 === 1 ? [i] : order[i].slice(0, k2);
    return items.map((c) => near.reduce((sum, j) => sum + encodings[j][c], 0) / near.length);
  });
  return items.slice(0, queryCount).map((q) =>
    items.slice(queryCount).map((g) => {
      const smaller = items.reduce((sum, c) => sum + Math.min(averaged[q][c], averaged[g][c]), 0);
      return (1 - lambda) * (1 - smaller / (2 - smaller)) + lambda * original[q][g];
    }),
  );
}
