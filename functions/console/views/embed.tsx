import { useEffect, useRef, useState } from 'preact/hooks';
import {
  embeddingsSchema,
  modelsSchema,
  type Neighbour,
  type StoredSet,
  searchResultsSchema,
} from '../api/answers.ts';
import { listSets } from '../api/list-sets.ts';
import { requestJson } from '../api/request.ts';
import { DropZone } from '../parts/drop-zone.tsx';
import { EmbeddedPicture } from '../parts/embedded-picture.tsx';
import { useLoaded } from '../parts/loaded.ts';
import { Problem, WhenLoaded } from '../parts/problem.tsx';

/** Pictures of one request, of which the service takes 64. */
const PICTURES_PER_REQUEST = 16;

interface Dropped {
  readonly id: number;
  readonly file: File;
  readonly address: string;
  readonly embedding?: readonly number[];
  readonly problem?: string;
}

/** Pictures in, embeddings and nearest neighbours out. */
export function EmbedView() {
  const loaded = useLoaded(
    async (signal) => ({
      models: (await requestJson(modelsSchema, '/v1/models', { signal })).data,
      // A key that may embed and no more sees no sets.
      sets: await listSets(signal).catch((): StoredSet[] => []),
    }),
    [],
  );
  const [model, setModel] = useState<string>();
  const [setName, setSetName] = useState('');
  const [pictures, setPictures] = useState<readonly Dropped[]>([]);
  const [problem, setProblem] = useState<unknown>();
  const [found, setFound] = useState<ReadonlyMap<number, readonly Neighbour[]>>(new Map());
  const next = useRef(0);

  const models = loaded.value?.models ?? [];
  const current = models.find(({ id }) => id === model) ?? models[0];
  const dimensionOf = (set: StoredSet) => set.dimension;
  const searchable = (loaded.value?.sets ?? []).filter((set) => dimensionOf(set) === current?.dimension);
  const set = searchable.find(({ id }) => id === setName);

  const note = (id: number, outcome: Partial<Dropped>) =>
    setPictures((before) =>
      before.map((picture) => (picture.id === id ? { ...picture, ...outcome } : picture)),
    );

  const embed = async (batch: readonly Dropped[], name: string) => {
    for (let first = 0; first < batch.length; first += PICTURES_PER_REQUEST) {
      const some = batch.slice(first, first + PICTURES_PER_REQUEST);
      const form = new FormData();
      form.set('model', name);
      for (const { file } of some) form.append('image', file);
      try {
        const { data, errors = [] } = await requestJson(embeddingsSchema, '/v1/embeddings', {
          method: 'POST',
          body: form,
        });
        for (const { index, embedding } of data) {
          if (typeof embedding !== 'string') note(some[index].id, { embedding });
        }
        for (const { index, message } of errors) note(some[index].id, { problem: message });
      } catch (error) {
        for (const { id } of some) note(id, { problem: (error as Error).message });
      }
    }
  };

  const add = (files: readonly File[]) => {
    const batch = files.map((file) => ({ id: next.current++, file, address: URL.createObjectURL(file) }));
    setPictures((before) => [...batch, ...before]);
    if (current !== undefined) void embed(batch, current.id);
  };

  const embedded = pictures.filter(({ embedding }) => embedding !== undefined);
  const wanted = set === undefined ? '' : `${set.sha256} ${embedded.map(({ id }) => id)}`;
  useEffect(() => {
    setFound(new Map());
    setProblem(undefined);
    if (set === undefined || embedded.length === 0) return;
    const controller = new AbortController();
    requestJson(searchResultsSchema, `/v1/sets/${encodeURIComponent(set.id)}/search`, {
      method: 'POST',
      body: {
        embeddings: embedded.slice(0, 64).map(({ embedding }) => embedding),
        k: 10,
        distance: current?.distance ?? 'cosine',
      },
      signal: controller.signal,
    }).then(
      ({ data }) => setFound(new Map(data.map(({ index, results }) => [embedded[index].id, results]))),
      (error) => !controller.signal.aborted && setProblem(error),
    );
    return () => controller.abort();
  }, [wanted]);

  return (
    <>
      <h1>Pictures</h1>
      <WhenLoaded loaded={loaded}>
        {() => (
          <>
            <div class="row">
              <label>
                Model
                <select
                  value={current?.id}
                  onChange={(event) => {
                    const name = event.currentTarget.value;
                    setModel(name);
                    const again = pictures.map(({ id, file, address }) => ({ id, file, address }));
                    setPictures(again);
                    void embed(again, name);
                  }}
                >
                  {models.map(({ id, dimension }) => (
                    <option key={id} value={id}>
                      {id} ({dimension}-d)
                    </option>
                  ))}
                </select>
              </label>
              <label>
                Nearest in
                <select value={set?.id ?? ''} onChange={(event) => setSetName(event.currentTarget.value)}>
                  <option value="">no set</option>
                  {searchable.map(({ id, count }) => (
                    <option key={id} value={id}>
                      {id} ({count})
                    </option>
                  ))}
                </select>
              </label>
            </div>
            {searchable.length === 0 && (
              <p class="quiet">
                No set of embeddings has {current?.dimension} dimensions. <a href="#/sets">Add one</a> to see
                neighbours.
              </p>
            )}
            <DropZone
              label="Drop pictures here, or choose them"
              accept="image/png,image/jpeg,image/webp"
              multiple
              onFiles={add}
            >
              PNG, JPEG or WebP, up to 8 MiB each. They are embedded and not kept.
            </DropZone>
            {problem !== undefined && <Problem of={problem} />}
            {pictures.map(({ id, file, address, embedding, problem }) => {
              const items = found.get(id);
              return (
                <EmbeddedPicture
                  key={id}
                  name={file.name}
                  address={address}
                  embedding={embedding}
                  problem={problem}
                  found={set && items && { set, items }}
                />
              );
            })}
          </>
        )}
      </WhenLoaded>
    </>
  );
}
