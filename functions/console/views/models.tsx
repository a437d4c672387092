import { modelsSchema } from '../api/answers.ts';
import { requestJson } from '../api/request.ts';
import { Headings } from '../parts/headings.tsx';
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
              <Headings
                of={['Name', 'Architecture', 'Input', ['Dimension'], 'Distance', ['mAP, held out'], 'From']}
              />
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
