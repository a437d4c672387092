import { useCallback, useEffect, useState } from 'preact/hooks';

/** What a view waits for: nothing yet, a value, or what went wrong. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly problem: unknown;
  /** Asks again; what was there stays until the answer. */
  readonly reload: () => void;
}

/** Loads what a view shows, anew whenever one of `inputs` is another. */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): Loaded<T> {
  const [state, setState] = useState<{ value?: T; problem?: unknown }>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    load(controller.signal).then(
      (value) => !controller.signal.aborted && setState({ value }),
      (problem) => !controller.signal.aborted && setState({ problem }),
    );
    return () => controller.abort();
  }, [...inputs, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { value: state.value, problem: state.problem, reload };
}
