import * as z from 'zod';
import type { Bindings } from './environment.ts';

/** Names of owners: they are part of keys in R2. */
export const ownerSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'must be 1 to 63 lower-case letters, digits and hyphens, and start with a letter or digit',
  );

/** The administrator, who also has what was stored before there were owners. */
export const DEFAULT_OWNER = 'default';

/** Where objects lie: R2, or one owner's part of it. */
export interface ObjectStore {
  get(key: string): Promise<R2ObjectBody | null>;
  head(key: string): Promise<R2Object | null>;
  put(key: string, bytes: Uint8Array | ReadableStream): Promise<unknown>;
}

/** The bindings as one owner has them. */
export interface OwnedBindings extends Omit<Bindings, 'STORE'> {
  readonly owner: string;
  /** This owner's part of R2. */
  readonly STORE: ObjectStore;
  /** All of R2, for what tidies up after everybody. */
  readonly BUCKET: R2Bucket;
}

/**
 * Narrows the bindings down to one owner.
 *
 * Contents are named by their SHA-256, and two owners may have the same. Each has a copy: were it shared, how long
 * storing or deleting takes would tell one owner what another has.
 */
export function bindingsOf(bindings: Bindings, owner: string): OwnedBindings {
  const { STORE } = bindings;
  const key = (content: string) => ownedKey(owner, content);
  return {
    ...bindings,
    owner,
    BUCKET: STORE,
    STORE: {
      get: (content) => STORE.get(key(content)),
      head: (content) => STORE.head(key(content)),
      put: (content, bytes) => STORE.put(key(content), bytes),
    },
  };
}

/**
 * What names an object or a content of an owner among those of all: its own name for the owner who was there
 * first, so that what was stored before there were owners is found where it lies.
 */
export function ownedKey(owner: string, content: string): string {
  return owner === DEFAULT_OWNER ? content : `owners/${owner}/${content}`;
}

/** The same in SQL, of two columns. */
export function ownedKeyInSql(owner: string, content: string): string {
  return `CASE ${owner} WHEN '${DEFAULT_OWNER}' THEN ${content} ELSE 'owners/' || ${owner} || '/' || ${content} END`;
}
