import type { EvaluationFindings } from '@softmargin/shared/metrics/report.ts';
import { useCallback, useMemo } from 'preact/hooks';
import { readQueryTable } from '../api/query-table.ts';
import { type Drawing, Figure } from './figure.tsx';
import { useLoaded } from './loaded.ts';
import { percent } from './numbers.ts';
import { Problem } from './problem.tsx';

/** The curves and distributions of a result. */
export function ResultFigures({ id, result }: { id: string; result: EvaluationFindings }) {
  const { cmc, reranked, verification, mAP } = result;
  const table = useLoaded((signal) => readQueryTable(id, signal), [id]);
  const curves = useCallback<Drawing>(
    (plots) =>
      plots.cmcPlot([
        { name: 'ranked', cmc },
        ...(reranked === undefined ? [] : [{ name: 're-ranked', cmc: reranked.cmc }]),
      ]),
    [result],
  );
  const precisions = useMemo<Drawing | undefined>(() => {
    const values = table.value?.flatMap(({ averagePrecision }) => averagePrecision ?? []);
    if (values === undefined || mAP === null) return undefined;
    return (plots) => plots.averagePrecisionPlot(values, mAP);
  }, [table.value, mAP]);
  const roc = useMemo<Drawing | undefined>(
    () => verification && ((plots) => plots.rocPlot(verification.roc)),
    [verification],
  );
  const distances = useMemo<Drawing | undefined>(
    () => verification && ((plots) => plots.distancePlot(verification)),
    [verification],
  );
  return (
    <section class="figures" aria-label="Figures">
      <Figure
        title={reranked === undefined ? 'CMC' : 'CMC; dashed: re-ranked'}
        description={`${percent(cmc['1'])} % at rank 1, ${percent(cmc['5'])} % at rank 5, ${percent(cmc['10'])} % at rank 10`}
        drawing={curves}
      />
      {table.problem !== undefined && <Problem of={table.problem} again={table.reload} />}
      {precisions && (
        <Figure
          title="Average precision by query"
          description={`How many queries have which average precision; the mean is ${percent(mAP)} %`}
          drawing={precisions}
        />
      )}
      {verification !== undefined && roc !== undefined && distances !== undefined && (
        <>
          <Figure
            title="ROC"
            description={verification.tarAtFar
              .map(({ far, tar }) => `TAR ${percent(tar)} % at FAR ${far}`)
              .join(', ')}
            drawing={roc}
          />
          <figure class="legend">
            <Figure
              title="Distances of pairs"
              description={`${verification.matchingPairs} matching pairs and ${verification.nonMatchingPairs} others by their distance`}
              drawing={distances}
            />
            <figcaption class="quiet">
              <i class="swatch right" /> {verification.matchingPairs.toLocaleString('en')} matching
              <i class="swatch wrong" /> {verification.nonMatchingPairs.toLocaleString('en')} others
            </figcaption>
          </figure>
        </>
      )}
    </section>
  );
}
