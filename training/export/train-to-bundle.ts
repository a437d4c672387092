import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import type { DatasetSplit, RankingSplit } from '../datasets/dataset.ts';
import { replaceFile } from '../loop/replace-file.ts';
import { readRunLog } from '../loop/run-log.ts';
import { LOG_FILE, type TrainingRun, train } from '../loop/train.ts';
import type { EmbeddedRanking } from '../loop/validate.ts';
import { pngOf } from '../reporting/png.ts';
import { rankedExamples } from '../reporting/ranked-examples.ts';
import { renderTrainingReport } from '../reporting/training-report.ts';
import { describe } from './describe.ts';
import { exportBundle } from './export-bundle.ts';

export interface BundleRun extends Omit<TrainingRun, 'manifest'> {
  /** Of the model. */
  readonly name: string;
  readonly bundlePath: string;
  /** What it trains on, for the report. */
  readonly backend: string;
}

/** What a run leaves behind. */
export interface FinishedRun {
  /** Paths. */
  readonly bundle: string;
  readonly report: string;
  readonly sha256: string;
  /** Of held-out pictures, by name; none where there are none. */
  readonly scores: Readonly<Record<string, number>>;
  /** The step that the weights are of, and how many were taken. */
  readonly step: number;
  readonly steps: number;
}

/** Trains a recipe, scores it on held-out pictures, exports the bundle and writes the report beside the log. */
export async function trainToBundle(run: BundleRun): Promise<FinishedRun> {
  const { name, recipe, split, directory, bundlePath, backend, onBroken, signal } = run;
  const manifest = describe(name, recipe, split);
  const { parameters, step, steps } = await train({ ...run, manifest });
  const ranked = heldOut(split);
  const { bytes, ranking } = await exportBundle(manifest, parameters, ranked, {
    ...(onBroken && { onBroken }),
    signal,
  });
  await mkdir(dirname(bundlePath), { recursive: true });
  await replaceFile(bundlePath, bytes);
  const { manifest: scored, sha256 } = await readBundle(bytes);

  const report = join(directory, 'report.html');
  await writeFile(
    report,
    renderTrainingReport({
      manifest: scored,
      log: await readRunLog(join(directory, LOG_FILE)),
      step,
      backend,
      heldOut: ranking && ranked && { ranking, examples: await examplesOf(ranking, ranked) },
    }),
  );
  return { bundle: bundlePath, report, sha256, scores: scored.scores, step, steps };
}

/** What the bundle's scores are of: the published test part, or else what was validated on. */
function heldOut({ test, validation }: DatasetSplit): RankingSplit | undefined {
  return test ?? validation;
}

function examplesOf({ query, gallery }: EmbeddedRanking, { protocol }: RankingSplit) {
  return rankedExamples(
    { query: query.set, gallery: gallery.set },
    { protocol, distance: 'cosine' },
    {
      query: (index) => pngOf(query.items, index),
      gallery: (index) => pngOf(gallery.items, index),
    },
  );
}
