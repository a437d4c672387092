import type { ExperimentResults } from './experiment.ts';
import { type Interval, intervalOf, intervalText } from './interval.ts';

/** A measured number and how it is shown. */
export interface Measure {
  readonly key: string;
  readonly heading: string;
  readonly digits: number;
}

/** The mean over seeds of a number of each variant. */
export function meansByVariant({ results, variants }: ExperimentResults, key: string): Map<string, Interval> {
  return new Map(
    variants.map((variant) => {
      const values = results
        .filter((result) => result.variant === variant)
        .map(({ numbers }) => numbers[key]);
      return [variant, intervalOf(values)];
    }),
  );
}

/** How much higher a number is than the baseline's of the same seed, over the seeds that both have. */
export function gainsOver(
  { results, variants }: ExperimentResults,
  baseline: (variant: string) => string,
  key: string,
): Map<string, Interval> {
  const value = (variant: string, seed: number) =>
    results.find((result) => result.variant === variant && result.recipe.seed === seed)?.numbers[key];
  return new Map(
    variants.flatMap((variant) => {
      const gains = results
        .filter((result) => result.variant === variant)
        .flatMap(({ numbers, recipe }) => {
          const base = value(baseline(variant), recipe.seed);
          return base === undefined ? [] : [numbers[key] - base];
        });
      return gains.length === 0 || baseline(variant) === variant
        ? []
        : [[variant, intervalOf(gains)] as const];
    }),
  );
}

/** A table in Markdown. */
export function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The variants in rows, the mean of each measure over seeds in columns, in the order of `variants`. */
export function measureTable(
  experiment: ExperimentResults,
  measures: readonly Measure[],
  variants: readonly string[],
): string {
  const columns = measures.map(({ key }) => meansByVariant(experiment, key));
  return markdownTable(
    ['', ...measures.map(({ heading }) => heading)],
    variants.map((variant) => [
      variant,
      ...columns.map((column, i) => intervalText(column.get(variant) as Interval, measures[i].digits)),
    ]),
  );
}
