import { useMemo, useState } from 'preact/hooks';
import type { Neighbour, StoredSet } from '../api/answers.ts';
import { type Drawing, Figure } from './figure.tsx';
import { Neighbours } from './neighbours.tsx';

interface EmbeddedPictureProps {
  readonly name: string;
  readonly address: string;
  /** What came of it: an embedding, or what is wrong with it, or nothing yet. */
  readonly embedding: readonly number[] | undefined;
  readonly problem: string | undefined;
  readonly found: { readonly set: StoredSet; readonly items: readonly Neighbour[] } | undefined;
}

/** A picture with its embedding and what is near to it. */
export function EmbeddedPicture({ name, address, embedding, problem, found }: EmbeddedPictureProps) {
  const drawing = useMemo<Drawing | undefined>(
    () => embedding && ((plots) => plots.embeddingPlot(embedding)),
    [embedding],
  );
  const [copied, setCopied] = useState('');
  const copy = () =>
    navigator.clipboard.writeText(JSON.stringify(embedding)).then(
      () => setCopied('Copied'),
      () => setCopied('The browser did not allow it'),
    );
  return (
    <article class="card embedded">
      <img class="dropped" src={address} alt={name} />
      <div class="about">
        <h2 class="file">{name}</h2>
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        {embedding !== undefined && drawing !== undefined && (
          <>
            <dl class="facts">
              <div>
                <dt>Dimension</dt>
                <dd>{embedding.length}</dd>
              </div>
              <div>
                <dt>Norm</dt>
                <dd>{Math.hypot(...embedding).toFixed(4)}</dd>
              </div>
              <div>
                <dt>Range</dt>
                <dd>
                  {Math.min(...embedding).toFixed(3)} … {Math.max(...embedding).toFixed(3)}
                </dd>
              </div>
            </dl>
            <Figure
              title=""
              description={`The ${embedding.length} values of the embedding of ${name}`}
              drawing={drawing}
              height={56}
            />
            <div class="actions">
              <button type="button" onClick={copy}>
                Copy as JSON
              </button>
              <span role="status" class="quiet">
                {copied}
              </span>
            </div>
          </>
        )}
        {problem === undefined && embedding === undefined && (
          <p class="loading" role="status">
            Embedding…
          </p>
        )}
      </div>
      {found !== undefined && <Neighbours of={name} set={found.set} items={found.items} />}
    </article>
  );
}
