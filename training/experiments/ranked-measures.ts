import { embedAndRank } from '../loop/validate.ts';
import type { MeasuredRun, Measures } from './experiment.ts';

/** Scores in per cent of a network on the validation part of its data set: held out, and not what papers test on. */
export async function rankedMeasures({ split, manifest, trained, signal }: MeasuredRun): Promise<Measures> {
  if (split.validation === undefined) throw new Error(`${split.name} has nothing to validate on.`);
  const { scores } = await embedAndRank(trained.parameters, manifest, split.validation, { signal });
  const { mAP, cmc1, mINP } = scores;
  return { numbers: { mAP: 100 * mAP, cmc1: 100 * cmc1, mINP: 100 * mINP }, figures: {} };
}
