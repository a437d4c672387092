import type { EvaluationFindings, RankingReport } from '@softmargin/shared/metrics/report.ts';
import { percent, whole } from './numbers.ts';

/** The measures of a report that stand first, each with its interval where there is one. */
function measuresOf({ mAP, mINP, cmc, intervals }: RankingReport) {
  return [
    { name: 'mAP', value: mAP, interval: intervals?.mAP },
    { name: 'mINP', value: mINP, interval: intervals?.mINP },
    { name: 'CMC-1', value: cmc['1'], interval: intervals?.cmc1 },
    { name: 'CMC-5', value: cmc['5'], interval: undefined },
    { name: 'CMC-10', value: cmc['10'], interval: undefined },
  ];
}

/** The scores of an evaluation, in per cent; re-ranked ones beside. */
export function Scores({ result }: { result: EvaluationFindings }) {
  const { reranked, intervals, validQueries, skippedQueries } = result;
  return (
    <section aria-label="Scores">
      <dl class="scores">
        {measuresOf(result).map(({ name, value, interval }, i) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <data value={value ?? ''}>{percent(value)}</data>
              {interval !== undefined && (
                <small>
                  {percent(interval[0])} – {percent(interval[1])}
                </small>
              )}
              {reranked !== undefined && <small>re-ranked {percent(measuresOf(reranked)[i].value)}</small>}
            </dd>
          </div>
        ))}
      </dl>
      <p class="quiet">
        Per cent, means over {whole(validQueries)} valid queries
        {skippedQueries > 0 && `; ${whole(skippedQueries)} without a correct match are skipped`}
        {intervals !== undefined &&
          `; ${100 * intervals.confidence} % intervals of ${whole(intervals.resamples)} resamples`}
        {`. Trapezoid mAP ${percent(result.mAPTrapezoid)}, mAP@R ${percent(result.mAPAtR)}, R-precision ${percent(result.rPrecision)}.`}
      </p>
    </section>
  );
}
