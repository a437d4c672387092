import { hex } from '../hex.ts';

/** Where objects are put that are named by their content: an R2 bucket, or one that holds what it is given. */
export interface ContentStore {
  put(key: string, bytes: Uint8Array | ReadableStream): Promise<unknown>;
}

/** Stores bytes under their SHA-256. @returns it. */
export async function putObject(store: ContentStore, bytes: Uint8Array): Promise<string> {
  const sha256 = await sha256Of(bytes);
  await store.put(contentKey(sha256), bytes);
  return sha256;
}

export async function sha256Of(bytes: Uint8Array): Promise<string> {
  return hex(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
}

/** The key in R2 of the object that has this SHA-256. */
export function contentKey(sha256: string): string {
  return `contents/${sha256}`;
}

export function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
