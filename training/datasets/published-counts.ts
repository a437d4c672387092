/** A number of pictures that a data set's publication states. */
export interface PublishedCount {
  /** What was counted: "training pictures". */
  readonly what: string;
  readonly found: number;
  readonly published: number;
}

/** A warning for each count that is not the published one, naming both. */
export function countWarnings(name: string, counts: readonly PublishedCount[]): string[] {
  return counts
    .filter(({ found, published }) => found !== published)
    .map(
      ({ what, found, published }) =>
        `${name} has ${found} ${what} here; published are ${published}. Scores will not compare with papers.`,
    );
}
