import type { QueryEntry } from '@softmargin/shared/metrics/query-entry.ts';
import { useState } from 'preact/hooks';
import { type Evaluation, queriesSchema } from '../api/answers.ts';
import { listSets } from '../api/list-sets.ts';
import { type QueryLine, readQueryTable } from '../api/query-table.ts';
import { requestJson } from '../api/request.ts';
import { useLoaded } from './loaded.ts';
import { percent, whole } from './numbers.ts';
import { StoredPicture } from './picture.tsx';
import { WhenLoaded } from './problem.tsx';

const QUERIES_PER_PAGE = 8;

const ORDERS = {
  worst: (a: QueryLine, b: QueryLine) =>
    (a.averagePrecision ?? 2) - (b.averagePrecision ?? 2) || a.query - b.query,
  best: (a: QueryLine, b: QueryLine) =>
    (b.averagePrecision ?? -1) - (a.averagePrecision ?? -1) || a.query - b.query,
  index: (a: QueryLine, b: QueryLine) => a.query - b.query,
} as const;

/** The sets whose pictures can be shown: as they were when they were ranked. */
interface Shown {
  readonly query: boolean;
  readonly gallery: boolean;
}

/** Queries with their ranked lists, the worst first. */
export function QueryLists({ evaluation }: { evaluation: Evaluation }) {
  const { id, query, gallery, topK } = evaluation;
  const [order, setOrder] = useState<keyof typeof ORDERS>('worst');
  const [first, setFirst] = useState(0);
  const loaded = useLoaded(
    async (signal) => {
      const [lines, sets] = await Promise.all([readQueryTable(id, signal), listSets(signal)]);
      const shows = ({ set, sha256 }: Evaluation['query']) =>
        sets.some((one) => one.id === set && one.sha256 === sha256 && one.kind === 'pictures');
      return { lines, shown: { query: shows(query), gallery: shows(gallery) } };
    },
    [id],
  );
  return (
    <section class="lists" aria-labelledby="lists">
      <div class="head">
        <h2 id="lists">Queries</h2>
        <label class="inline">
          Order
          <select
            value={order}
            onChange={(event) => {
              setOrder(event.currentTarget.value as keyof typeof ORDERS);
              setFirst(0);
            }}
          >
            <option value="worst">worst first</option>
            <option value="best">best first</option>
            <option value="index">by index</option>
          </select>
        </label>
        {topK !== undefined && (
          <span class="quiet">
            <i class="swatch right" /> right <i class="swatch wrong" /> wrong
          </span>
        )}
      </div>
      {topK === undefined && (
        <p class="quiet">
          No lists were kept; an evaluation with “Places kept of each list” above 0 keeps them.
        </p>
      )}
      <WhenLoaded loaded={loaded}>
        {({ lines, shown }) => {
          const sorted = lines.toSorted(ORDERS[order]);
          const page = sorted.slice(first, first + QUERIES_PER_PAGE);
          return (
            <>
              {page.map((line) => (
                <QueryList key={line.query} evaluation={evaluation} line={line} shown={shown} />
              ))}
              <nav class="pages" aria-label="Pages of queries">
                <button
                  type="button"
                  disabled={first === 0}
                  onClick={() => setFirst(Math.max(0, first - QUERIES_PER_PAGE))}
                >
                  Earlier
                </button>
                <span class="quiet">
                  {first + 1}–{first + page.length} of {whole(lines.length)}
                </span>
                <button
                  type="button"
                  disabled={first + QUERIES_PER_PAGE >= lines.length}
                  onClick={() => setFirst(first + QUERIES_PER_PAGE)}
                >
                  Later
                </button>
              </nav>
            </>
          );
        }}
      </WhenLoaded>
    </section>
  );
}

interface QueryListProps {
  readonly evaluation: Evaluation;
  readonly line: QueryLine;
  readonly shown: Shown;
}

function QueryList({ evaluation, line, shown }: QueryListProps) {
  const { id, query, topK } = evaluation;
  const entry = useLoaded(
    async (signal): Promise<QueryEntry | undefined> => {
      if (topK === undefined) return undefined;
      const after = line.query === 0 ? '' : `&after=${line.query - 1}`;
      const page = await requestJson(queriesSchema, `/v1/evaluations/${id}/queries?limit=1${after}`, {
        signal,
      });
      return page.data[0];
    },
    [id, line.query],
  );
  return (
    <article class="query" aria-label={`Query ${line.query}`}>
      <div class="asked">
        {shown.query && (
          <StoredPicture
            set={query.set}
            sha256={query.sha256}
            index={line.query}
            alt={`Query ${line.query}, identity ${line.identity}`}
          />
        )}
        <b>
          <span class="quiet">query</span> {line.query}
        </b>
        <span class="quiet">
          identity {line.identity}
          <br />
          {line.averagePrecision === undefined ? 'skipped' : `AP ${percent(line.averagePrecision)}`}
          <br />
          {line.firstMatchRank !== undefined && `first at ${line.firstMatchRank}`}
        </span>
      </div>
      {entry.problem !== undefined || topK !== undefined ? (
        <WhenLoaded loaded={entry}>
          {(found) => <Nearest evaluation={evaluation} entry={found} shown={shown.gallery} />}
        </WhenLoaded>
      ) : null}
    </article>
  );
}

interface NearestProps {
  readonly evaluation: Evaluation;
  readonly entry: QueryEntry | undefined;
  readonly shown: boolean;
}

function Nearest({ evaluation: { gallery }, entry, shown }: NearestProps) {
  return (
    <ol class="ranked" aria-label="Nearest">
      {(entry?.nearest ?? []).map(({ galleryIndex, identity, camera, distance, match }) => (
        <li
          key={galleryIndex}
          class={match ? 'right' : 'wrong'}
          title={`Item ${galleryIndex}, camera ${camera}`}
        >
          {shown && (
            <StoredPicture
              set={gallery.set}
              sha256={gallery.sha256}
              index={galleryIndex}
              alt={`Item ${galleryIndex}, identity ${identity}`}
            />
          )}
          <b>{identity}</b>
          <span class="quiet">{distance.toFixed(3)}</span>
          <span class="unseen">{match ? 'right' : 'wrong'}</span>
        </li>
      ))}
    </ol>
  );
}
