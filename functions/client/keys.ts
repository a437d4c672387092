import {
  type KeyDescription,
  keySchema,
  keysSchema,
  type NewKey,
  newKeySchema,
  type Scope,
} from './answers.ts';
import { pagesOf } from './pages.ts';
import type { Transport } from './transport.ts';

export interface KeyRequest {
  /** For people: what it is for. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** As ISO 8601; without it, the key lasts until it is revoked. */
  readonly expiresAt?: string | undefined;
  /** Whose it is; another than the caller only for the administrator of the service. */
  readonly owner?: string | undefined;
}

/** `/v1/keys`; needs the scope `admin`. */
export class Keys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Makes a key. The answer is the only one that has it. */
  create(request: KeyRequest, signal?: AbortSignal): Promise<NewKey> {
    return this.#transport.json(newKeySchema, '/v1/keys', { method: 'POST', json: request, signal });
  }

  /** Every key that the caller sees to, of one owner where one is named. */
  list(owner?: string, signal?: AbortSignal): AsyncGenerator<KeyDescription, void, undefined> {
    return pagesOf(
      (after) => this.#transport.json(keysSchema, '/v1/keys', { query: { owner, after }, signal }),
      ({ data }) => data.at(-1)?.id,
    );
  }

  get(id: string, signal?: AbortSignal): Promise<KeyDescription> {
    return this.#transport.json(keySchema, pathOf(id), { signal });
  }

  /** From now on the key opens nothing. */
  revoke(id: string, signal?: AbortSignal): Promise<KeyDescription> {
    return this.#transport.json(keySchema, pathOf(id), { method: 'DELETE', signal });
  }
}

function pathOf(id: string): string {
  return `/v1/keys/${encodeURIComponent(id)}`;
}
