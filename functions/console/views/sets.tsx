import { listSets } from '../api/list-sets.ts';
import { Headings } from '../parts/headings.tsx';
import { useLoaded } from '../parts/loaded.ts';
import { clock, whole } from '../parts/numbers.ts';
import { WhenLoaded } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { SetUpload } from '../parts/set-upload.tsx';
import { addressOf } from '../place.ts';

/** Query and gallery sets: what there is, and a place to drop another. */
export function SetsView() {
  const loaded = useLoaded(listSets, []);
  return (
    <>
      <h1>Sets</h1>
      <SetUpload sets={loaded.value ?? []} onStored={loaded.reload} />
      <WhenLoaded loaded={loaded}>
        {(sets) =>
          sets.length === 0 ? (
            <p class="empty">There is no set yet. A query set and a gallery set make an evaluation.</p>
          ) : (
            <Scroll label="Sets">
              <table>
                <Headings
                  of={['Name', 'Kind', ['Items'], ['Dimension'], ['Identities'], ['Cameras'], 'Stored']}
                />
                <tbody>
                  {sets.map(({ id, kind, count, dimension, identities, cameras, createdAt }) => (
                    <tr key={id}>
                      <th scope="row">
                        <a href={addressOf('sets', id)}>{id}</a>
                      </th>
                      <td>{kind}</td>
                      <td class="number">{whole(count)}</td>
                      <td class="number">{dimension ?? '–'}</td>
                      <td class="number">{identities === null ? '–' : whole(identities)}</td>
                      <td class="number">{cameras ?? '–'}</td>
                      <td class="quiet">{clock(createdAt)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </WhenLoaded>
    </>
  );
}
