import { modelsSchema } from '../api/answers.ts';
import { requestJson } from '../api/request.ts';
import { useLoaded } from '../parts/loaded.ts';
import { percent } from '../parts/numbers.ts';
import { WhenLoaded } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { addressOf } from '../place.ts';

/** What can embed. */
export function ModelsView() {
  const loaded = useLoaded((signal) => requestJson(modelsSchema, '/v1/models', { signal }), []);
  return (
    <>
      <h1>Models</h1>
      <WhenLoaded loaded={loaded}>
        {({ data }) => (
          <Scroll label="Models">
            <table>
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Architecture</th>
                  <th scope="col">Input</th>
                  <th scope="col" class="number">
                    Dimension
                  </th>
                  <th scope="col">Distance</th>
                  <th scope="col" class="number">
                    mAP, held out
                  </th>
                  <th scope="col">From</th>
                </tr>
              </thead>
              <tbody>
                {data.map(({ id, architecture, input, dimension, distance, scores, owned_by }) => (
                  <tr key={id}>
                    <th scope="row">
                      <a href={addressOf('models', id)}>{id}</a>
                    </th>
                    <td>{architecture}</td>
                    <td>
                      {input.height} × {input.width} × {input.channels}
                    </td>
                    <td class="number">{dimension}</td>
                    <td>{distance}</td>
                    <td class="number">{percent(scores.mAP)}</td>
                    <td class="quiet">{owned_by === 'softmargin' ? 'built in' : 'uploaded'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </WhenLoaded>
    </>
  );
}
