import {
  BLOCK_BYTES,
  INVOCATION_CPU_MS,
  MAX_SHARD_QUERIES,
  RANGE_QUERY_BYTES,
  SHARD_CPU_SHARE,
  SHARD_READ_BYTES,
  USUAL_SPEEDS,
} from '../../limits.ts';
import { isIncluded, priceOf, type Usage } from './prices.ts';

/**
 * What a core does, measured in workerd or with the same WASM in Node on one core of a server; Cloudflare's cores
 * differ. Costs go with it in proportion.
 */
export const measured = {
  /** Multiply-adds of the ranking kernel in a second. */
  multiplyAdds: 10e9,
  /** Bytes of blocks in a second that are copied and whose SHA-256 is computed. */
  checkedBytes: 1e9,
  /** Milliseconds to decode a picture of 256 × 128: assumed. */
  decodeMs: 2,
  /** Milliseconds to embed a picture, in a batch of eight. */
  embedMs: { 'OSNet x0.25': 9.1, MobileNetV2: 27.5, 'OSNet x1.0': 80 },
} as const;

/** Pictures of one request. */
const BATCH = 16;

/** Multiply-adds of a shard, until a deployment has measured its own speed. */
const SHARD_WORK = (USUAL_SPEEDS.kernel * INVOCATION_CPU_MS * SHARD_CPU_SHARE) / 1000;
/** What a pair costs beside its product, in multiply-adds. */
const PAIR_OVERHEAD = 64;
/** The index and the labels of both sets, and a block or two of queries. */
const OTHER_READS = 6;
/** Requests of a client around an evaluation: it is asked for, and then watched. */
const CLIENT_REQUESTS = 20;
/** Rows of the ledger that a shard writes: made, sent, heard of, done. */
const ROWS_A_SHARD = 5;
const OBJECT_GIGABYTES = 0.128;

export interface EvaluationSizes {
  readonly queries: number;
  readonly gallery: number;
  readonly dimension: number;
  readonly identities: number;
}

/** What it takes to embed pictures that come in requests of {@link BATCH}. */
export function embeddingUsage(pictures: number, embedMs: number): Usage {
  return { request: pictures / BATCH, cpuMs: pictures * (embedMs + measured.decodeMs) };
}

/** How an evaluation is cut. Of a gallery that is cut too, each range of queries is ranked against each of its. */
export function shardsOf({ queries, gallery, dimension }: EvaluationSizes): {
  readonly shards: number;
  readonly queriesPerShard: number;
  readonly ranges: number;
} {
  const rowBytes = 4 * dimension;
  const pairs = SHARD_WORK / (dimension + PAIR_OVERHEAD);
  if (rowBytes * gallery <= SHARD_READ_BYTES) {
    const queriesPerShard = Math.max(1, Math.min(MAX_SHARD_QUERIES, Math.floor(pairs / gallery)));
    return { shards: Math.ceil(queries / queriesPerShard), queriesPerShard, ranges: 1 };
  }
  const queriesPerShard = Math.min(queries, MAX_SHARD_QUERIES, Math.floor(RANGE_QUERY_BYTES / rowBytes));
  const rowsPerBlock = Math.floor(BLOCK_BYTES / rowBytes);
  const rows = Math.min(pairs / queriesPerShard, SHARD_READ_BYTES / rowBytes);
  const ranges = Math.ceil(gallery / (rowsPerBlock * Math.max(1, Math.floor(rows / rowsPerBlock))));
  const ofQueries = Math.ceil(queries / queriesPerShard);
  // To locate the matches, to count what is before them, and to add up.
  return { shards: ofQueries * (2 * ranges + 1), queriesPerShard, ranges };
}

/** What one evaluation takes, without faults. */
export function evaluationUsage(sizes: EvaluationSizes): Usage {
  const { queries, gallery, dimension, identities } = sizes;
  const { shards, queriesPerShard } = shardsOf(sizes);
  const readings = Math.ceil(queries / queriesPerShard);
  const bytes = 4 * dimension * gallery;
  const blocks = Math.ceil(bytes / BLOCK_BYTES);
  // Blocks with a correct match of the queries are read twice.
  const matches = (queriesPerShard * gallery) / identities;
  const passes = 1 + (1 - (1 - 1 / blocks) ** matches);
  const multiplyAdds = queries * gallery * (dimension + PAIR_OVERHEAD);
  const seconds = multiplyAdds / measured.multiplyAdds + (readings * passes * bytes) / measured.checkedBytes;
  return {
    request: CLIENT_REQUESTS + shards,
    cpuMs: 1000 * seconds,
    queueOperation: 3 * shards,
    objectRequest: CLIENT_REQUESTS + 2 * shards,
    objectGigabyteSecond: (OBJECT_GIGABYTES * 2 * seconds) / shards,
    objectRowWritten: ROWS_A_SHARD * shards,
    bucketRead: readings * passes * blocks + OTHER_READS * shards,
  };
}

/** What a set is in R2: for a month, and to be put there. */
export function storageUsage(rows: number, dimension: number): Usage {
  const bytes = rows * (4 * dimension + 8);
  return { bucketGigabyteMonth: bytes / 1e9, bucketWrite: Math.ceil(bytes / BLOCK_BYTES) + 2 };
}

const EVALUATIONS: Readonly<Record<string, EvaluationSizes>> = {
  'Market-1501': { queries: 3_368, gallery: 15_913, dimension: 512, identities: 750 },
  MSMT17: { queries: 11_659, gallery: 82_161, dimension: 512, identities: 3_060 },
  'Market+500k': { queries: 3_368, gallery: 515_913, dimension: 512, identities: 750 },
};

const STORED_DIMENSION = 512;
const STORED: Readonly<Record<string, number>> = {
  'Market-1501, both sets': 3_368 + 15_913,
  'MSMT17, both sets': 11_659 + 82_161,
  'Market+500k, both sets': 3_368 + 515_913,
  'ten million vectors': 10_000_000,
};

/** The tables of docs/deployment.md, in Markdown. */
export function costTables(): string {
  const embeddings = Object.entries(measured.embedMs).map(([model, embedMs]) => {
    const usage = embeddingUsage(1e6, embedMs);
    return [model, integer(usage.request), millions(usage.cpuMs), dollars(usage)];
  });
  const evaluations = Object.entries(EVALUATIONS).map(([name, sizes]) => {
    const usage = evaluationUsage(sizes);
    return [
      `${name}, ${integer(sizes.queries)} × ${integer(sizes.gallery)}`,
      integer(shardsOf(sizes).shards),
      integer((usage.cpuMs ?? 0) / 1000),
      integer(usage.bucketRead),
      dollars(usage),
    ];
  });
  const stored = Object.entries(STORED).map(([name, rows]) => {
    const { bucketGigabyteMonth = 0, bucketWrite = 0 } = storageUsage(rows, STORED_DIMENSION);
    return [name, bucketGigabyteMonth.toFixed(2), dollars({ bucketGigabyteMonth }), dollars({ bucketWrite })];
  });
  return [
    table(['a million pictures with', 'requests', 'CPU, million ms', 'costs'], embeddings),
    table(['one evaluation', 'shards', 'CPU, s', 'R2 reads', 'costs'], evaluations),
    table([`sets of ${STORED_DIMENSION} dimensions`, 'GB', 'a month', 'once, to write'], stored),
  ].join('\n\n');
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = titles.map((_, column) => (column === 0 ? '---' : '--:'));
  return [titles, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function integer(amount = 0): string {
  return Math.round(amount).toLocaleString('en-US');
}

function millions(amount = 0): string {
  return (amount / 1e6).toFixed(1);
}

/** With a star where the plan includes it. */
function dollars(usage: Usage): string {
  const price = priceOf(usage);
  const text = price < 0.01 ? `$${price.toPrecision(2)}` : `$${price.toFixed(2)}`;
  return isIncluded(usage) ? `${text} *` : text;
}
