import type { ComponentChildren } from 'preact';
import type { Loaded } from './loaded.ts';

/** What went wrong, in the server's words where it said any. */
export function Problem({ of, again }: { of: unknown; again?: () => void }) {
  return (
    <div class="problem" role="alert">
      <p>{of instanceof Error ? of.message : String(of)}</p>
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What was loaded, or that it is being loaded, or why it is not there. */
export function WhenLoaded<T>({
  loaded,
  children,
}: {
  loaded: Loaded<T>;
  children: (value: T) => ComponentChildren;
}) {
  if (loaded.problem !== undefined) return <Problem of={loaded.problem} again={loaded.reload} />;
  if (loaded.value === undefined) {
    return (
      <p class="loading" role="status">
        Loading…
      </p>
    );
  }
  return <>{children(loaded.value)}</>;
}
