import { useState } from 'preact/hooks';
import { modelsSchema } from '../api/answers.ts';
import { keepKey } from '../api/key.ts';
import { requestJson } from '../api/request.ts';
import { Problem } from '../parts/problem.tsx';

/** Asks for the key that every request carries, and tries it before it is kept. */
export function KeyForm({ refused, onKey }: { refused: boolean; onKey: (key: string) => void }) {
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const key = String(form.get('key')).trim();
    setBusy(true);
    try {
      await requestJson(modelsSchema, '/v1/models', { key });
      keepKey(key, form.get('remember') === 'on');
      onKey(key);
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="card narrow" onSubmit={submit}>
      <h1>Key</h1>
      <p class="quiet">
        {refused
          ? 'The key that was kept here is not in force any more.'
          : 'The service answers who has a key. “npm start” prints one; an administrator makes more.'}
      </p>
      <label>
        Key
        <input name="key" type="password" required autocomplete="off" spellcheck={false} />
      </label>
      <label class="check">
        <input name="remember" type="checkbox" />
        Remember on this device
      </label>
      <p class="quiet">Otherwise it is forgotten with this tab.</p>
      {problem !== undefined && <Problem of={problem} />}
      <button type="submit" class="first" disabled={busy}>
        {busy ? 'Trying…' : 'Use key'}
      </button>
    </form>
  );
}
