import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { forgetKey, readKey } from './api/key.ts';
import { usePlace } from './place.ts';
import { ComparisonView } from './views/comparison.tsx';
import { EmbedView } from './views/embed.tsx';
import { EvaluationView } from './views/evaluation.tsx';
import { EvaluationsView } from './views/evaluations.tsx';
import { KeyForm } from './views/key-form.tsx';
import { KeysView } from './views/keys.tsx';
import { ModelView } from './views/model.tsx';
import { ModelsView } from './views/models.tsx';
import { NewEvaluationView } from './views/new-evaluation.tsx';
import { SetView } from './views/set.tsx';
import { SetsView } from './views/sets.tsx';

const ROOMS = [
  ['pictures', 'Pictures'],
  ['sets', 'Sets'],
  ['evaluations', 'Evaluations'],
  ['models', 'Models'],
  ['keys', 'Keys'],
] as const;

/** The whole page: who asks, where they are, and the view that stands there. */
export function Console() {
  const place = usePlace();
  const [key, setKey] = useState(readKey);
  const [refused, setRefused] = useState(false);
  const main = useRef<HTMLElement>(null);
  const room = place[0] ?? 'pictures';

  useEffect(() => {
    const refuse = () => {
      // One that is tried in the form is not kept yet; the form says what is wrong with it.
      if (readKey() === null) return;
      forgetKey();
      setKey(null);
      setRefused(true);
    };
    addEventListener('key-refused', refuse);
    return () => removeEventListener('key-refused', refuse);
  }, []);

  const first = useRef(true);
  useEffect(() => {
    const heading = main.current?.querySelector('h1');
    document.title = `${heading?.textContent ?? 'softmargin'} · softmargin`;
    // A reader of the screen is told of the new view; on the first one, focus stays where the browser has it.
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [place, key]);

  return (
    <>
      <header>
        <button type="button" class="skip" onClick={() => main.current?.focus()}>
          Skip to content
        </button>
        <a class="name" href="#/">
          softmargin
        </a>
        {key !== null && (
          <>
            <nav aria-label="Console">
              {ROOMS.map(([name, title]) => (
                <a key={name} href={`#/${name}`} aria-current={name === room ? 'page' : undefined}>
                  {title}
                </a>
              ))}
            </nav>
            <button
              type="button"
              class="plain leave"
              onClick={() => {
                forgetKey();
                setRefused(false);
                setKey(null);
              }}
            >
              Forget key
            </button>
          </>
        )}
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {key === null ? <KeyForm refused={refused} onKey={setKey} /> : viewOf(room, place.slice(1))}
      </main>
      <footer class="quiet">
        <a href="/docs">API</a>
      </footer>
    </>
  );
}

function viewOf(room: string, [first, second, third]: readonly string[]): ComponentChildren {
  switch (room) {
    case 'pictures':
      return <EmbedView />;
    case 'sets':
      return first === undefined ? <SetsView /> : <SetView key={first} name={first} />;
    case 'evaluations':
      if (first === undefined) return <EvaluationsView />;
      if (first === 'new') return <NewEvaluationView query={second} />;
      if (second === 'comparison' && third !== undefined) return <ComparisonView a={first} b={third} />;
      return <EvaluationView key={first} id={first} />;
    case 'models':
      return first === undefined ? <ModelsView /> : <ModelView key={first} name={first} />;
    case 'keys':
      return <KeysView />;
    default:
      return (
        <>
          <h1>Nothing here</h1>
          <p>
            There is no view of this name. <a href="#/">Begin at the pictures.</a>
          </p>
        </>
      );
  }
}
