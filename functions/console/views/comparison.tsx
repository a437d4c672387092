import { useMemo } from 'preact/hooks';
import { comparisonSchema, type Evaluation, evaluationSchema } from '../api/answers.ts';
import { requestJson } from '../api/request.ts';
import { type Drawing, Figure } from '../parts/figure.tsx';
import { Headings } from '../parts/headings.tsx';
import { useLoaded } from '../parts/loaded.ts';
import { percent, whole } from '../parts/numbers.ts';
import { WhenLoaded } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { protocolTitle } from '../parts/state-mark.tsx';
import { addressOf } from '../place.ts';

/** Two evaluations of the same queries, in pairs. */
export function ComparisonView({ a, b }: { a: string; b: string }) {
  const loaded = useLoaded(
    async (signal) => {
      const [comparison, ...evaluations] = await Promise.all([
        requestJson(comparisonSchema, `/v1/evaluations/${a}/comparison/${b}`, { signal }),
        requestJson(evaluationSchema, `/v1/evaluations/${a}`, { signal }),
        requestJson(evaluationSchema, `/v1/evaluations/${b}`, { signal }),
      ]);
      return { comparison, evaluations };
    },
    [a, b],
  );
  const value = loaded.value;
  const differences = useMemo<Drawing | undefined>(() => {
    if (value === undefined) return undefined;
    const { mAP, cmc1 } = value.comparison;
    return (plots) => plots.differencePlot({ mAP, 'CMC-1': cmc1 });
  }, [value]);
  const curves = useMemo<Drawing | undefined>(() => {
    const both = value?.evaluations.map(({ result }, i) => ({ name: 'ab'[i], cmc: result?.cmc ?? {} }));
    return both && ((plots) => plots.cmcPlot(both));
  }, [value]);
  return (
    <>
      <h1>Two evaluations</h1>
      <WhenLoaded loaded={loaded}>
        {({ comparison, evaluations }) => (
          <>
            <Scroll label="Scores of both">
              <table>
                <Headings of={['Evaluation', ['mAP'], ['mINP'], ['CMC-1']]} />
                <tbody>
                  {evaluations.map((evaluation, i) => (
                    <Row key={evaluation.id} name={'ab'[i]} evaluation={evaluation} />
                  ))}
                </tbody>
              </table>
            </Scroll>
            {comparison.summary.map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
            <p class="quiet">
              {100 * comparison.confidence} % intervals over {whole(comparison.validQueries)} queries,
              resampled in pairs.
            </p>
            <section class="figures" aria-label="Figures">
              {differences !== undefined && (
                <Figure
                  title="Difference, b − a"
                  description={comparison.summary.join(' ')}
                  drawing={differences}
                  height={150}
                />
              )}
              {curves !== undefined && (
                <Figure title="CMC; b is dashed" description="Both curves by rank" drawing={curves} />
              )}
            </section>
          </>
        )}
      </WhenLoaded>
    </>
  );
}

function Row({ name, evaluation }: { name: string; evaluation: Evaluation }) {
  const { id, query, gallery, protocol, distance, model, result } = evaluation;
  return (
    <tr>
      <th scope="row">
        {name}: <a href={addressOf('evaluations', id)}>{`${query.set} against ${gallery.set}`}</a>{' '}
        <span class="quiet">
          {protocolTitle(protocol)}, {distance}
          {model && `, ${model.name}`}
        </span>
      </th>
      <td class="number">{percent(result?.mAP)}</td>
      <td class="number">{percent(result?.mINP)}</td>
      <td class="number">{percent(result?.cmc['1'])}</td>
    </tr>
  );
}
