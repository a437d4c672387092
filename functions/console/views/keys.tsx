import { scopes } from '@softmargin/functions/keys/key.ts';
import { useState } from 'preact/hooks';
import { createdKeySchema, type Key, keySchema, keysSchema } from '../api/answers.ts';
import { requestJson } from '../api/request.ts';
import { ConfirmedButton } from '../parts/confirmed-button.tsx';
import { Headings } from '../parts/headings.tsx';
import { useLoaded } from '../parts/loaded.ts';
import { clock } from '../parts/numbers.ts';
import { Problem, WhenLoaded } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';

/** Keys: what there is, a form for another, and taking one out of force. */
export function KeysView() {
  const loaded = useLoaded((signal) => requestJson(keysSchema, '/v1/keys', { signal }), []);
  return (
    <>
      <h1>Keys</h1>
      <WhenLoaded loaded={loaded}>
        {({ data, hasMore }) => (
          <>
            <KeyCreation onCreated={loaded.reload} />
            {data.length === 0 ? (
              <p class="empty">There is no key beside the one of the administrator.</p>
            ) : (
              <Scroll label="Keys">
                <table>
                  <Headings of={['Name', 'Owner', 'Scopes', 'Made', 'Last used', 'In force', 'Revoke']} />
                  <tbody>
                    {data.map((key) => (
                      <KeyRow key={key.id} of={key} onRevoked={loaded.reload} />
                    ))}
                  </tbody>
                </table>
              </Scroll>
            )}
            {hasMore && <p class="quiet">These are the oldest ones; the API lists the others.</p>}
          </>
        )}
      </WhenLoaded>
    </>
  );
}

function KeyRow({ of: key, onRevoked }: { of: Key; onRevoked: () => void }) {
  const expired = key.expiresAt !== null && Date.parse(key.expiresAt) < Date.now();
  return (
    <tr>
      <th scope="row">{key.name}</th>
      <td>{key.owner}</td>
      <td>{key.scopes.join(', ')}</td>
      <td class="quiet">{clock(key.createdAt)}</td>
      <td class="quiet">{key.lastUsedAt === null ? 'never' : clock(key.lastUsedAt)}</td>
      <td>
        {key.revokedAt !== null
          ? 'revoked'
          : expired
            ? 'expired'
            : key.expiresAt === null
              ? 'yes'
              : `until ${clock(key.expiresAt)}`}
      </td>
      <td>
        {key.revokedAt === null && (
          <ConfirmedButton
            label="Revoke"
            question={`Revoke “${key.name}”? Whatever uses it is refused from then on, for good.`}
            confirm="Revoke"
            onConfirm={async () => {
              await requestJson(keySchema, `/v1/keys/${key.id}`, { method: 'DELETE' });
              onRevoked();
            }}
          />
        )}
      </td>
    </tr>
  );
}

function KeyCreation({ onCreated }: { onCreated: () => void }) {
  const [problem, setProblem] = useState<unknown>();
  const [created, setCreated] = useState<string>();
  const create = async (event: SubmitEvent) => {
    event.preventDefault();
    const element = event.currentTarget as HTMLFormElement;
    const form = new FormData(element);
    const days = Number(form.get('days'));
    const owner = String(form.get('owner'));
    setProblem(undefined);
    try {
      const { key } = await requestJson(createdKeySchema, '/v1/keys', {
        method: 'POST',
        body: {
          name: form.get('name'),
          scopes: form.getAll('scopes'),
          ...(owner !== '' && { owner }),
          ...(days > 0 && { expiresAt: new Date(Date.now() + 86_400_000 * days).toISOString() }),
        },
      });
      setCreated(key);
      element.reset();
      onCreated();
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <form class="card form" onSubmit={create}>
      <h2>New key</h2>
      <div class="row">
        <label>
          Name
          <input name="name" required maxLength={64} />
        </label>
        <label>
          Owner
          <input name="owner" placeholder="as this key’s" spellcheck={false} />
        </label>
        <label>
          Days in force
          <input name="days" type="number" min="1" placeholder="no end" />
        </label>
      </div>
      <fieldset class="across">
        <legend>Scopes</legend>
        {scopes.map((scope) => (
          <label key={scope} class="check">
            <input name="scopes" type="checkbox" value={scope} defaultChecked={scope !== 'admin'} />
            {scope}
          </label>
        ))}
      </fieldset>
      {problem !== undefined && <Problem of={problem} />}
      <div class="actions">
        <button type="submit" class="first">
          Make key
        </button>
      </div>
      {created !== undefined && (
        <div class="notice" role="status">
          <p>The key, shown this once:</p>
          <code class="key">{created}</code>
        </div>
      )}
    </form>
  );
}
