import { useState } from 'preact/hooks';
import { type Item, itemsSchema, type StoredSet, setSchema } from '../api/answers.ts';
import { request, requestJson } from '../api/request.ts';
import { ConfirmedButton } from '../parts/confirmed-button.tsx';
import { Headings } from '../parts/headings.tsx';
import { useLoaded } from '../parts/loaded.ts';
import { clock, short, whole } from '../parts/numbers.ts';
import { StoredPicture } from '../parts/picture.tsx';
import { WhenLoaded } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { addressOf, goTo } from '../place.ts';

const ITEMS_PER_PAGE = 60;

/** One set with its items, page by page. */
export function SetView({ name }: { name: string }) {
  const path = `/v1/sets/${encodeURIComponent(name)}`;
  const [first, setFirst] = useState(0);
  const set = useLoaded((signal) => requestJson(setSchema, path, { signal }), [path]);
  const items = useLoaded(
    (signal) => {
      const after = first === 0 ? '' : `&after=${first - 1}`;
      return requestJson(itemsSchema, `${path}/items?limit=${ITEMS_PER_PAGE}${after}`, { signal });
    },
    [path, first],
  );
  return (
    <>
      <h1>{name}</h1>
      <WhenLoaded loaded={set}>
        {(set) => (
          <>
            <Facts set={set} />
            <div class="actions">
              <a class="button" href={addressOf('evaluations', 'new', set.id)}>
                Evaluate as query set
              </a>
              <ConfirmedButton
                label="Delete set"
                question={`Delete “${set.id}” with its ${whole(set.count)} items? Evaluations of it stay.`}
                confirm="Delete"
                onConfirm={async () => {
                  await request(path, { method: 'DELETE' });
                  goTo('sets');
                }}
              />
            </div>
            <WhenLoaded loaded={items}>
              {({ data, hasMore }) => (
                <section aria-label="Items">
                  {set.kind === 'pictures' ? <Pictures set={set} items={data} /> : <Labels items={data} />}
                  <nav class="pages" aria-label="Pages of items">
                    <button
                      type="button"
                      disabled={first === 0}
                      onClick={() => setFirst(Math.max(0, first - ITEMS_PER_PAGE))}
                    >
                      Earlier
                    </button>
                    <span class="quiet">
                      {first}–{first + data.length - 1} of {whole(set.count)}
                    </span>
                    <button
                      type="button"
                      disabled={!hasMore}
                      onClick={() => setFirst(first + ITEMS_PER_PAGE)}
                    >
                      Later
                    </button>
                  </nav>
                </section>
              )}
            </WhenLoaded>
          </>
        )}
      </WhenLoaded>
    </>
  );
}

function Facts({ set }: { set: StoredSet }) {
  const facts = {
    Kind: set.kind,
    Items: whole(set.count),
    Dimension: set.dimension,
    Identities: set.identities,
    Cameras: set.cameras,
    Groups: set.groups,
    'Not readable': set.brokenPictures || null,
    Stored: clock(set.createdAt),
    'SHA-256': short(set.sha256),
  };
  return (
    <dl class="facts">
      {Object.entries(facts).map(([term, value]) =>
        value === null || value === undefined ? null : (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function Pictures({ set, items }: { set: StoredSet; items: readonly Item[] }) {
  return (
    <ul class="ranked">
      {items.map(({ index, identity, camera, path, problem }) => (
        <li key={index} title={problem === undefined ? path : `${path}: ${problem.message}`}>
          <StoredPicture set={set.id} sha256={set.sha256} index={index} alt={path ?? `Picture ${index}`} />
          <b>{identity}</b>
          <span class="quiet">camera {camera}</span>
        </li>
      ))}
    </ul>
  );
}

function Labels({ items }: { items: readonly Item[] }) {
  return (
    <Scroll label="Labels">
      <table class="tight">
        <Headings
          of={[
            ['Index'],
            ['Identity'],
            ['Camera'],
            ...(items[0]?.group === undefined ? [] : [['Group'] as const]),
          ]}
        />
        <tbody>
          {items.map(({ index, identity, camera, group }) => (
            <tr key={index}>
              <td class="number">{index}</td>
              <td class="number">{identity}</td>
              <td class="number">{camera}</td>
              {group !== undefined && <td class="number">{group}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
