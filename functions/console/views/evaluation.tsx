import { useEffect, useState } from 'preact/hooks';
import { type Evaluation, evaluationSchema } from '../api/answers.ts';
import { request, requestJson } from '../api/request.ts';
import { watchEvaluation } from '../api/watch-evaluation.ts';
import { ConfirmedButton } from '../parts/confirmed-button.tsx';
import { clock, short, whole } from '../parts/numbers.ts';
import { Problem } from '../parts/problem.tsx';
import { Progress } from '../parts/progress.tsx';
import { QueryLists } from '../parts/query-lists.tsx';
import { ResultFigures } from '../parts/result-figures.tsx';
import { Scores } from '../parts/scores.tsx';
import { protocolTitle, StateMark } from '../parts/state-mark.tsx';
import { addressOf, goTo } from '../place.ts';

/** One evaluation: how far it is, and when it is done, all that it found. */
export function EvaluationView({ id }: { id: string }) {
  const [evaluation, setEvaluation] = useState<Evaluation>();
  const [problem, setProblem] = useState<unknown>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    setProblem(undefined);
    watchEvaluation(id, setEvaluation, controller.signal).catch(
      (error) => !controller.signal.aborted && setProblem(error),
    );
    return () => controller.abort();
  }, [id, round]);

  const cancel = async () => {
    try {
      setEvaluation(await requestJson(evaluationSchema, `/v1/evaluations/${id}/cancel`, { method: 'POST' }));
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <>
      <h1>
        {evaluation === undefined
          ? 'Evaluation'
          : `${evaluation.query.set} against ${evaluation.gallery.set}`}
      </h1>
      {problem !== undefined && <Problem of={problem} again={() => setRound(round + 1)} />}
      {evaluation === undefined && problem === undefined && (
        <p class="loading" role="status">
          Loading…
        </p>
      )}
      {evaluation !== undefined && (
        <>
          <Facts evaluation={evaluation} />
          {(evaluation.state === 'queued' || evaluation.state === 'running') && (
            <Progress evaluation={evaluation} onCancel={cancel} />
          )}
          {evaluation.state === 'cancelled' && <p class="empty">It was cancelled, and has no result.</p>}
          {evaluation.error !== undefined && <Problem of={evaluation.error.message} />}
          {evaluation.result !== undefined && (
            <>
              <Scores result={evaluation.result} />
              <ResultFigures id={id} result={evaluation.result} />
              <QueryLists evaluation={evaluation} />
            </>
          )}
          <div class="actions">
            <ConfirmedButton
              label="Delete evaluation"
              question="Delete this evaluation with all that is stored of it? Its sets stay."
              confirm="Delete"
              onConfirm={async () => {
                await request(`/v1/evaluations/${id}`, { method: 'DELETE' });
                goTo('evaluations');
              }}
            />
          </div>
        </>
      )}
    </>
  );
}

function Facts({ evaluation }: { evaluation: Evaluation }) {
  const { query, gallery, protocol, distance, dimension, model, state, createdAt, id } = evaluation;
  return (
    <dl class="facts">
      <div>
        <dt>State</dt>
        <dd>
          <StateMark state={state} />
        </dd>
      </div>
      {[query, gallery].map(({ set, count }, i) => (
        <div key={i === 0 ? 'query' : 'gallery'}>
          <dt>{i === 0 ? 'Query set' : 'Gallery set'}</dt>
          <dd>
            <a href={addressOf('sets', set)}>{set}</a> ({whole(count)})
          </dd>
        </div>
      ))}
      <div>
        <dt>Protocol</dt>
        <dd>{protocolTitle(protocol)}</dd>
      </div>
      <div>
        <dt>Distance</dt>
        <dd>{distance}</dd>
      </div>
      <div>
        <dt>Dimension</dt>
        <dd>{dimension}</dd>
      </div>
      {model !== undefined && (
        <div>
          <dt>Model</dt>
          <dd>
            <a href={addressOf('models', model.name)}>{model.name}</a>
          </dd>
        </div>
      )}
      <div>
        <dt>Begun</dt>
        <dd>{clock(createdAt)}</dd>
      </div>
      <div>
        <dt>Id</dt>
        <dd title={id}>{short(id)}</dd>
      </div>
    </dl>
  );
}
