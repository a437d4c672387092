import * as z from 'zod';
import { DEFAULT_OWNER } from '../owners.ts';

/** What a key may do: embed pictures; store sets, search and evaluate; store models and see to keys. */
export const scopes = ['embed', 'evaluate', 'admin'] as const;

export type Scope = (typeof scopes)[number];

export const scopesSchema = z
  .array(z.enum(scopes))
  .min(1)
  .transform((list) => scopes.filter((scope) => list.includes(scope)));

/** What sent a request: a key that is in force. */
export interface Key {
  /** `undefined` of the secret `API_KEY`, which is in no table. */
  readonly id: string | undefined;
  readonly owner: string;
  readonly scopes: readonly Scope[];
}

/** The key that the secret `API_KEY` is. */
export const ADMINISTRATOR: Key = { id: undefined, owner: DEFAULT_OWNER, scopes };

/** Whether a key may see to the keys of every owner, and to the service as a whole. */
export function administersService({ owner, scopes }: Key): boolean {
  return owner === DEFAULT_OWNER && scopes.includes('admin');
}
