import * as z from 'zod';
import { hex } from '../hex.ts';
import { MAX_WEBHOOK_SECRET, MAX_WEBHOOK_URL, MIN_WEBHOOK_SECRET, WEBHOOK_TIMEOUT_MS } from '../limits.ts';
import { type AllowedPlaces, addressError } from './webhook-address.ts';

/** Where the end of an evaluation is told, and with what the message is signed. */
export interface Webhook {
  readonly url: string;
  readonly secret: string;
}

/** A webhook as a request gives it. */
export function webhookSchema(places: AllowedPlaces) {
  return z.strictObject({
    url: z
      .string()
      .max(MAX_WEBHOOK_URL)
      .superRefine((url, context) => {
        const message = addressError(url, places);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      }),
    secret: z
      .string()
      .min(MIN_WEBHOOK_SECRET)
      .max(MAX_WEBHOOK_SECRET)
      .regex(/^[\x21-\x7e]*$/, 'must be of printable ASCII characters without spaces'),
  });
}

/** The header that proves who sent a body and when: `t=<unix seconds>,v1=<HMAC-SHA256 of "<t>.<body>">`. */
export async function signature(secret: string, body: string, now: number): Promise<string> {
  const time = Math.floor(now / 1000);
  const encoder = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(`${time}.${body}`));
  return `t=${time},v1=${hex(mac)}`;
}

/** How one attempt to deliver went, in words. */
export interface Delivery {
  readonly delivered: boolean;
  readonly status: string;
}

/** Delivers a body once. A redirect is a failure: it could lead to where the address may not. */
export async function deliver({ url, secret }: Webhook, body: string, now: number): Promise<Delivery> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Softmargin-Signature': await signature(secret, body, now),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return { delivered: response.ok, status: `It was answered ${response.status}.` };
  } catch (error) {
    return { delivered: false, status: error instanceof Error ? error.message : String(error) };
  }
}
