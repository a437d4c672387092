import { pictureNamings } from '@softmargin/shared/sets/picture-names.ts';
import { useState } from 'preact/hooks';
import { type StoredSet, storedSetSchema } from '../api/answers.ts';
import { requestJson } from '../api/request.ts';
import { addressOf } from '../place.ts';
import { DropZone } from './drop-zone.tsx';
import { Problem } from './problem.tsx';

const NAME = '[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}';

/** A name for a set, from that of a file. */
export function setNameOf(file: string): string {
  return file
    .replace(/(\.tar)?\.[A-Za-z0-9]+$/, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64);
}

const isArchive = (file: File) => /\.(zip|tar|tar\.gz|tgz)$/i.test(file.name);

/** Takes a file and stores it as a set. */
export function SetUpload({ sets, onStored }: { sets: readonly StoredSet[]; onStored: () => void }) {
  const [file, setFile] = useState<File>();
  const [name, setName] = useState('');
  const [names, setNames] = useState('market1501');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const [stored, setStored] = useState<{
    id: string;
    kind: string;
    count: number;
    broken: readonly { path: string; message: string }[];
  }>();

  const choose = ([chosen]: readonly File[]) => {
    setFile(chosen);
    setName(setNameOf(chosen.name));
    setProblem(undefined);
    setStored(undefined);
  };
  const store = async (event: SubmitEvent) => {
    event.preventDefault();
    if (file === undefined) return;
    setBusy(true);
    setProblem(undefined);
    const query = isArchive(file) && names !== 'table' ? `?names=${names}` : '';
    try {
      const set = await requestJson(storedSetSchema, `/v1/sets/${encodeURIComponent(name)}${query}`, {
        method: 'PUT',
        body: file,
      });
      setStored({ id: set.id, kind: set.kind, count: set.count, broken: set.errors ?? [] });
      setFile(undefined);
      onStored();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section aria-label="Add a set">
      <DropZone
        label="Drop a set here, or choose a file"
        accept=".npz,.safetensors,.json,.jsonl,.gz,.tgz,.zip,.tar"
        onFiles={choose}
      >
        Embeddings (.npz, .safetensors, JSON) or pictures (.zip, .tar), up to 100 MB; larger ones come in
        parts, over the API.
      </DropZone>
      {file !== undefined && (
        <form class="row" onSubmit={store}>
          <label>
            Name
            <input
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
              pattern={NAME}
              title="1 to 64 letters, digits, dots, underscores and hyphens"
              required
              spellcheck={false}
            />
          </label>
          {isArchive(file) && (
            <label>
              Labels from
              <select value={names} onChange={(event) => setNames(event.currentTarget.value)}>
                {pictureNamings.map((naming) => (
                  <option key={naming} value={naming}>
                    names, as {naming}
                  </option>
                ))}
                <option value="table">labels.csv in the archive</option>
              </select>
            </label>
          )}
          <button type="submit" class="first" disabled={busy}>
            {busy ? 'Storing…' : sets.some(({ id }) => id === name) ? `Replace “${name}”` : 'Store set'}
          </button>
          <span class="quiet">
            {file.name}, {(file.size / 1e6).toFixed(1)} MB
          </span>
        </form>
      )}
      {problem !== undefined && <Problem of={problem} />}
      {stored !== undefined && (
        <div class="notice" role="status">
          <p>
            <a href={addressOf('sets', stored.id)}>{stored.id}</a> is stored: {stored.count} {stored.kind}.
          </p>
          {stored.broken.length > 0 && (
            <details>
              <summary>{stored.broken.length} could not be read</summary>
              <ul>
                {stored.broken.map(({ path, message }) => (
                  <li key={path}>
                    {path}: {message}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </div>
      )}
    </section>
  );
}
