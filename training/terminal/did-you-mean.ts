/** The name that was probably meant, in words to put behind an error; nothing where none is near. */
export function didYouMean(given: string, names: Iterable<string>): string {
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const name of names) {
    const [a, b] = [given.toLowerCase(), name.toLowerCase()];
    // Broken off is not misspelt.
    const edits = a.length >= 3 && b.startsWith(a) ? 1 : editDistance(a, b);
    if (edits < least) [nearest, least] = [name, edits];
  }
  return nearest === undefined ? '' : ` (Did you mean ${nearest}?)`;
}

/** Insertions, deletions, substitutions and swaps of neighbours that make one text of the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1] + Number(a[i - 1] !== b[j - 1]);
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
      }
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length];
}
