import { distanceNames } from '@softmargin/shared/metrics/distance.ts';
import { useState } from 'preact/hooks';
import { evaluationSchema, modelsSchema } from '../api/answers.ts';
import { listSets } from '../api/list-sets.ts';
import { requestJson } from '../api/request.ts';
import { useLoaded } from '../parts/loaded.ts';
import { Problem, WhenLoaded } from '../parts/problem.tsx';
import { goTo } from '../place.ts';
import { PROTOCOLS } from '../protocols.ts';

/** What an evaluation is asked for with, from the fields of the form. */
function requestOf(form: FormData): object {
  const text = (name: string) => String(form.get(name) ?? '');
  const on = (name: string) => form.get(name) === 'on';
  return {
    ...{
      query: text('query'),
      gallery: text('gallery'),
      protocol: text('protocol'),
      distance: text('distance'),
    },
    ...(form.has('model') && { model: text('model') }),
    ...(on('bootstrap') && { bootstrap: { resamples: Number(text('resamples')) } }),
    ...(on('verification') && { verification: true }),
    ...(on('rerank') && { rerank: {} }),
    topK: Number(text('topK')),
  };
}

/** The form that begins an evaluation. @param query the query set that is chosen first. */
export function NewEvaluationView({ query }: { query: string | undefined }) {
  const loaded = useLoaded(
    async (signal) => ({
      sets: await listSets(signal),
      models: (await requestJson(modelsSchema, '/v1/models', { signal })).data,
    }),
    [],
  );
  const [names, setNames] = useState<Readonly<Record<string, string>>>(query === undefined ? {} : { query });
  const [protocol, setProtocol] = useState<string>(PROTOCOLS[0].name);
  const [bootstrap, setBootstrap] = useState(true);
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const body = requestOf(new FormData(event.currentTarget as HTMLFormElement));
    setBusy(true);
    setProblem(undefined);
    try {
      const { id } = await requestJson(evaluationSchema, '/v1/evaluations', { method: 'POST', body });
      goTo('evaluations', id);
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  return (
    <>
      <h1>New evaluation</h1>
      <WhenLoaded loaded={loaded}>
        {({ sets, models }) => {
          if (sets.length === 0) {
            return (
              <p class="empty">
                There is no set to evaluate. <a href="#/sets">Add a query set and a gallery set</a> first.
              </p>
            );
          }
          const nameOf = (side: string) =>
            names[side] ?? sets.find(({ id }) => id.includes(side))?.id ?? sets[0].id;
          const pictures = ['query', 'gallery'].some(
            (side) => sets.find(({ id }) => id === nameOf(side))?.kind === 'pictures',
          );
          return (
            <form class="card form" onSubmit={submit}>
              <div class="row">
                {['query', 'gallery'].map((side) => (
                  <label key={side}>
                    {side === 'query' ? 'Query set' : 'Gallery set'}
                    <select
                      name={side}
                      value={nameOf(side)}
                      onChange={(event) => setNames({ ...names, [side]: event.currentTarget.value })}
                    >
                      {sets.map(({ id, count, kind, dimension }) => (
                        <option key={id} value={id}>
                          {id} ({count} {kind === 'pictures' ? 'pictures' : `× ${dimension}`})
                        </option>
                      ))}
                    </select>
                  </label>
                ))}
                {pictures && (
                  <label>
                    Model
                    <select name="model">
                      {models.map(({ id, dimension }) => (
                        <option key={id} value={id}>
                          {id} ({dimension}-d)
                        </option>
                      ))}
                    </select>
                  </label>
                )}
              </div>
              <div class="row">
                <label>
                  Protocol
                  <select
                    name="protocol"
                    value={protocol}
                    onChange={(event) => setProtocol(event.currentTarget.value)}
                  >
                    {PROTOCOLS.map(({ name }) => (
                      <option key={name} value={name}>
                        {name}
                      </option>
                    ))}
                  </select>
                </label>
                <label>
                  Distance
                  <select name="distance">
                    {distanceNames.map((name) => (
                      <option key={name} value={name}>
                        {name}
                      </option>
                    ))}
                  </select>
                </label>
                <label>
                  Places kept of each list
                  <input name="topK" type="number" min="0" max="50" value="10" />
                </label>
              </div>
              <p class="quiet">{PROTOCOLS.find(({ name }) => name === protocol)?.list}</p>
              <fieldset>
                <legend>Also find out</legend>
                <label class="check">
                  <input
                    name="bootstrap"
                    type="checkbox"
                    checked={bootstrap}
                    onChange={(event) => setBootstrap(event.currentTarget.checked)}
                  />
                  Intervals of mAP, mINP and CMC-1
                </label>
                {bootstrap && (
                  <label class="nested">
                    Resamples
                    <input name="resamples" type="number" min="1000" max="10000" step="1000" value="1000" />
                  </label>
                )}
                <label class="check">
                  <input name="verification" type="checkbox" checked />
                  Verification: ROC, TAR at FAR, distances of pairs
                </label>
                <label class="check">
                  <input name="rerank" type="checkbox" />
                  Re-ranking by k-reciprocal neighbours (k1 20, k2 6, λ 0.3)
                </label>
              </fieldset>
              {problem !== undefined && <Problem of={problem} />}
              <div class="actions">
                <button type="submit" class="first" disabled={busy}>
                  {busy ? 'Starting…' : 'Start evaluation'}
                </button>
              </div>
            </form>
          );
        }}
      </WhenLoaded>
    </>
  );
}
