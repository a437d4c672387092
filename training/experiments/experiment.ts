import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import type { DatasetSplit } from '../datasets/dataset.ts';
import type { TrainedNetwork } from '../loop/train.ts';
import { overrideRecipe } from '../recipes/override.ts';
import type { Recipe } from '../recipes/recipe.ts';
import type { RunResult } from './results.ts';

/** A finished training, to be measured. */
export interface MeasuredRun {
  readonly recipe: Recipe;
  readonly split: DatasetSplit;
  readonly manifest: Manifest;
  readonly trained: TrainedNetwork;
  /** Of the run, with its checkpoint. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** What is kept of a run: numbers, and pictures as SVG. */
export interface Measures {
  readonly numbers: Readonly<Record<string, number>>;
  readonly figures: Readonly<Record<string, string>>;
}

/** The finished runs of an experiment. */
export interface ExperimentResults {
  readonly results: readonly RunResult[];
  /** Those that have one, in their order. */
  readonly variants: readonly string[];
}

/** What an experiment writes: sections of Markdown, and the files that it shows. */
export interface ExperimentPage {
  readonly markdown: string;
  /** SVG by file name. */
  readonly figures: ReadonlyMap<string, string>;
}

/** A comparison of recipes, each trained with several seeds. */
export interface Experiment {
  readonly name: string;
  readonly title: string;
  /** What is asked and how, in Markdown. */
  readonly introduction: string;
  /** What all variants have in common, with the full budget of steps. */
  readonly recipe: Recipe;
  /** By name, the fields in which each differs; see `overrideRecipe`. */
  readonly variants: ReadonlyMap<string, readonly string[]>;
  measure(run: MeasuredRun): Promise<Measures>;
  render(results: ExperimentResults): ExperimentPage;
}

/** One training of an experiment. */
export interface PlannedRun {
  /** `<variant>-seed-<seed>` */
  readonly name: string;
  readonly variant: string;
  readonly recipe: Recipe;
}

export interface ExperimentBudget {
  /** Each variant is trained with the seeds 1 to this. */
  readonly seeds: number;
  /** Fields of every recipe, such as a smaller budget of steps. */
  readonly overrides: readonly string[];
  /** Words of which a variant's name holds one; all variants without. */
  readonly only: readonly string[];
}

/** The trainings of an experiment: all variants with the first seed, then all with the next. */
export function planRuns(experiment: Experiment, { seeds, overrides, only }: ExperimentBudget): PlannedRun[] {
  const chosen = [...experiment.variants].filter(
    ([variant]) => only.length === 0 || only.some((word) => variant.includes(word)),
  );
  if (chosen.length === 0) {
    throw new Error(
      `${experiment.name} has no variant with ${only.join(' or ')}; it has ${[...experiment.variants.keys()].join(', ')}.`,
    );
  }
  return Array.from({ length: seeds }, (_, i) => i + 1).flatMap((seed) =>
    chosen.map(([variant, changes]) => ({
      name: `${variant}-seed-${seed}`,
      variant,
      recipe: overrideRecipe(experiment.recipe, [...changes, `seed=${seed}`, ...overrides]),
    })),
  );
}
