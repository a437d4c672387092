/** The gradient of `f` at `at` by central differences, in double precision. */
export function centralDifferences(f: (x: number[]) => number, at: readonly number[], step = 1e-6): number[] {
  return at.map((_, k) => {
    const moved = (by: number) => f(at.map((value, i) => (i === k ? value + by : value)));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}
