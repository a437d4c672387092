/** When these were last read, on the pages of developers.cloudflare.com that docs/deployment.md names. */
export const PRICES_OF = 'November 2026';

/** Cloudflare's prices on the Workers Paid plan beyond what the plan includes, in US dollars. */
export const prices = {
  plan: 5,
  request: 0.3e-6,
  cpuMs: 0.02e-6,
  /** A message is three: written, read, deleted. */
  queueOperation: 0.4e-6,
  objectRequest: 0.15e-6,
  objectGigabyteSecond: 12.5e-6,
  objectRowWritten: 1e-6,
  objectGigabyteMonth: 0.2,
  bucketWrite: 4.5e-6,
  bucketRead: 0.36e-6,
  bucketGigabyteMonth: 0.015,
} as const;

/** What the plan includes every month, of the same. */
export const included = {
  request: 10e6,
  cpuMs: 30e6,
  queueOperation: 1e6,
  objectRequest: 1e6,
  objectGigabyteSecond: 400e3,
  objectRowWritten: 50e6,
  objectGigabyteMonth: 5,
  bucketWrite: 1e6,
  bucketRead: 10e6,
  bucketGigabyteMonth: 10,
} as const satisfies { [Unit in Exclude<keyof typeof prices, 'plan'>]: number };

export type Unit = keyof typeof included;

/** How much of what is used. */
export type Usage = { readonly [Each in Unit]?: number };

/** What a usage costs in dollars, as if nothing were included. */
export function priceOf(usage: Usage): number {
  return Object.entries(usage).reduce((sum, [unit, amount]) => sum + prices[unit as Unit] * amount, 0);
}

/** Whether the plan includes a usage, if it is all that is used in a month. */
export function isIncluded(usage: Usage): boolean {
  return Object.entries(usage).every(([unit, amount]) => amount <= included[unit as Unit]);
}
