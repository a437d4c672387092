import { useState } from 'preact/hooks';
import { type Evaluation, evaluationsSchema } from '../api/answers.ts';
import { requestJson } from '../api/request.ts';
import { Headings } from '../parts/headings.tsx';
import { useLoaded } from '../parts/loaded.ts';
import { clock, percent } from '../parts/numbers.ts';
import { WhenLoaded } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { protocolTitle, StateMark } from '../parts/state-mark.tsx';
import { addressOf, goTo } from '../place.ts';

/** Evaluations, newest first; two of them can be chosen to be compared. */
export function EvaluationsView() {
  const [pages, setPages] = useState<readonly string[]>([]);
  const after = pages.at(-1);
  const loaded = useLoaded(
    (signal) =>
      requestJson(
        evaluationsSchema,
        `/v1/evaluations?limit=30${after === undefined ? '' : `&after=${after}`}`,
        { signal },
      ),
    [after],
  );
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const choose = (id: string) =>
    setChosen((before) =>
      before.includes(id) ? before.filter((other) => other !== id) : [...before, id].slice(-2),
    );
  return (
    <>
      <h1>Evaluations</h1>
      <div class="actions">
        <a class="button first" href="#/evaluations/new">
          New evaluation
        </a>
        <button
          type="button"
          disabled={chosen.length !== 2}
          onClick={() => goTo('evaluations', chosen[0], 'comparison', chosen[1])}
        >
          Compare two
        </button>
        <span class="quiet" role="status">
          {chosen.length === 1 ? 'Choose another one to compare.' : ''}
        </span>
      </div>
      <WhenLoaded loaded={loaded}>
        {({ data, hasMore, lastId }) =>
          data.length === 0 ? (
            <p class="empty">
              There is no evaluation yet. <a href="#/evaluations/new">Begin one</a> of a query set and a
              gallery set.
            </p>
          ) : (
            <>
              <Scroll label="Evaluations">
                <table>
                  <Headings
                    of={[
                      'Compare',
                      'Query against gallery',
                      'Protocol',
                      'State',
                      ['mAP'],
                      ['CMC-1'],
                      'Begun',
                    ]}
                  />
                  <tbody>
                    {data.map((evaluation) => (
                      <Row key={evaluation.id} evaluation={evaluation} chosen={chosen} onChoose={choose} />
                    ))}
                  </tbody>
                </table>
              </Scroll>
              {(hasMore || pages.length > 0) && (
                <nav class="pages" aria-label="Pages of evaluations">
                  <button
                    type="button"
                    disabled={pages.length === 0}
                    onClick={() => setPages(pages.slice(0, -1))}
                  >
                    Newer
                  </button>
                  <button
                    type="button"
                    disabled={!hasMore || lastId === null}
                    onClick={() => setPages([...pages, lastId as string])}
                  >
                    Older
                  </button>
                </nav>
              )}
            </>
          )
        }
      </WhenLoaded>
    </>
  );
}

interface RowProps {
  readonly evaluation: Evaluation;
  readonly chosen: readonly string[];
  readonly onChoose: (id: string) => void;
}

function Row({ evaluation, chosen, onChoose }: RowProps) {
  const { id, query, gallery, protocol, distance, state, result, createdAt } = evaluation;
  const name = `${query.set} against ${gallery.set}`;
  const place = chosen.indexOf(id);
  return (
    <tr>
      <td>
        <label class="choice">
          <input
            type="checkbox"
            checked={place >= 0}
            disabled={state !== 'succeeded'}
            aria-label={`Compare ${name}, ${clock(createdAt)}`}
            onChange={() => onChoose(id)}
          />
          {place < 0 ? '' : 'ab'[place]}
        </label>
      </td>
      <th scope="row">
        <a href={addressOf('evaluations', id)}>{name}</a>
      </th>
      <td>
        {protocolTitle(protocol)}, {distance}
      </td>
      <td>
        <StateMark state={state} />
      </td>
      <td class="number">{percent(result?.mAP)}</td>
      <td class="number">{percent(result?.cmc['1'])}</td>
      <td class="quiet">{clock(createdAt)}</td>
    </tr>
  );
}
