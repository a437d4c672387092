import { env, exports } from 'cloudflare:workers';
import type { EvaluationResult } from '@softmargin/shared/metrics/summary.ts';
import { inject } from 'vitest';
import { createKey } from '../keys/catalogue.ts';
import type { Scope } from '../keys/key.ts';
import { bindingsOf, DEFAULT_OWNER } from '../owners.ts';

/** What bodies of answers hold, of whatever route: tests know which fields are there. */
export interface Body {
  readonly id: string;
  readonly object: string;
  readonly state: string;
  readonly sha256: string;
  readonly model_version: string;
  readonly createdAt: string;
  readonly finishedAt: string;
  readonly manifest: { readonly format: number };
  /** Embeddings, or models, or sets. An embedding asked for in base64 is text. */
  readonly data: readonly {
    readonly id: string;
    readonly index: number;
    readonly embedding: number[] & string;
    /** Of a search. */
    readonly results: readonly object[];
  }[];
  readonly errors: readonly object[];
  readonly error: { readonly message: string; readonly param: string | null; readonly code: string };
  readonly query: { readonly set: string; readonly sha256: string; readonly count: number };
  readonly result: EvaluationResult;
  readonly progress: {
    readonly shards: { readonly done: number; readonly total: number };
    readonly etaSeconds: number | null;
  };
  readonly hasMore: boolean;
  readonly lastId: string | null;
}

/** An answer of the Worker with its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** The header of a request with the administrator's key. */
export const AUTHORIZED = { Authorization: `Bearer ${env.API_KEY}` };

/** The bindings of the administrator, whose key tests send unless they say otherwise. */
export const owned = bindingsOf(env, DEFAULT_OWNER);

/** A key of an owner with some scopes, as the header that requests carry. */
export async function keyOf(owner: string, ...scopes: Scope[]): Promise<{ Authorization: string }> {
  const { key } = await createKey(env, { owner, name: 'test', scopes, expiresAt: null });
  return { Authorization: `Bearer ${key}` };
}

/** Fetches from the Worker under test what is not JSON. */
export function fetchWorker(path: string): Promise<Response> {
  return exports.default.fetch(`http://softmargin${path}`, { headers: AUTHORIZED });
}

/** Sends a request to the Worker under test, with the administrator's key unless it carries another. */
export async function send(
  method: string,
  path: string,
  body?: BodyInit,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await exports.default.fetch(`http://softmargin${path}`, {
    method,
    headers: { ...AUTHORIZED, ...headers },
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

export function sendJson(method: string, path: string, value: unknown, headers = {}): Promise<Answer> {
  return send(method, path, JSON.stringify(value), { 'Content-Type': 'application/json', ...headers });
}

/** The bytes of a picture file that the setup made. */
export function picture(name: string): Uint8Array<ArrayBuffer> {
  return fromBase64(inject('pictures')[name]);
}

/** A PNG file with its pixels taken out: headers and checksums are whole, so that it shows when it is decoded. */
export function withoutPixels(png: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder('latin1').decode(png);
  const [start, end] = [text.indexOf('IDAT') - 4, text.indexOf('IEND') - 4];
  // A chunk of no bytes; the CRC-32 of "IDAT" alone.
  const empty = [0, 0, 0, 0, 0x49, 0x44, 0x41, 0x54, 0x35, 0xaf, 0x06, 0x1e];
  return Uint8Array.of(...png.subarray(0, start), ...empty, ...png.subarray(end));
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** A request body whose bytes come in pieces, as over a network and without a Content-Length. */
export function pieces(count: number, size: number, first = ' '): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent === count) return controller.close();
      const piece = new Uint8Array(size).fill(0x20);
      if (sent++ === 0) piece[0] = first.charCodeAt(0);
      controller.enqueue(piece);
    },
  });
}
