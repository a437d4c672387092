import type { Neighbour, StoredSet } from '../api/answers.ts';
import { Headings } from './headings.tsx';
import { Scroll } from './scroll.tsx';

/** The nearest items of a set, in their order. @param of what they are near to. */
export function Neighbours({ of, set, items }: { of: string; set: StoredSet; items: readonly Neighbour[] }) {
  return (
    <div class="neighbours">
      <Scroll label={`Nearest to ${of} in ${set.id}`}>
        <table>
          <caption class="quiet">Nearest in {set.id}</caption>
          <Headings of={[['Index'], ['Identity'], ['Camera'], ['Distance']]} />
          <tbody>
            {items.map(({ index, identity, camera, distance }) => (
              <tr key={index}>
                <td class="number">{index}</td>
                <td class="number">{identity}</td>
                <td class="number">{camera}</td>
                <td class="number">{distance.toFixed(4)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </div>
  );
}
