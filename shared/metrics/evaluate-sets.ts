import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blockOf, type EmbeddingBlock } from './blocks.ts';
import type { DistanceName } from './distance.ts';
import { DistanceScorer } from './distance-scorer.ts';
import { type GallerySource, MATCHES, QUERY_BYTES } from './evaluate.ts';
import type { ExclusionRule } from './exclusion-rule.ts';
import type { GalleryReader } from './gallery-distances.ts';
import { Kernels } from './kernel/kernels.ts';
import { KernelScorer } from './kernel/scorer.ts';
import type { CompiledModule } from './kernel/webassembly.ts';
import { bindProtocol, type Labels, type Protocol, type ProtocolName, protocolNames } from './protocols.ts';
import { rankQueries } from './rank.ts';
import { gallerySource, readDistances } from './read-distances.ts';
import type { QueryScores } from './scores.ts';
import { SetSummary } from './set-summary.ts';
import { cutShards } from './shards.ts';
import { drawSingleShots, type SingleShotDraws, type SingleShotHits } from './single-gallery-shot.ts';
import type { EvaluationResult } from './summary.ts';
import { itemLabels, type TopLists, topLists, topListsByKernel } from './top-lists.ts';
import { gatherTracks, readTracks, type Tracks } from './tracks.ts';

/**
 * Protocols of whole sets: those of a streamed evaluation, and
 *
 * - `veri776-track`: each query against the gallery's tracks ({@link readTracks}).
 * - `cuhk03-classic`: drops items of the query's identity and camera. CMC is the mean over seeded draws of a
 *   gallery of one item an identity ({@link drawSingleShots}); every other measure is over the whole list,
 *   as torchreid's mAP is. There is no junk and no distractor: every identity counts.
 */
export type SetProtocol = ProtocolName | 'veri776-track' | 'cuhk03-classic';

export const setProtocols = [
  ...protocolNames,
  'veri776-track',
  'cuhk03-classic',
] as const satisfies SetProtocol[];

export interface SetRule {
  readonly protocol: SetProtocol | ExclusionRule;
  readonly distance: DistanceName;
  /** For `cuhk03-classic`. */
  readonly draws: SingleShotDraws;
}

/** Distances by which the gallery's items are ranked in place of those between embeddings. */
export type DistanceSource = (queries: EmbeddingBlock) => GalleryReader;

export interface SetEvaluation {
  readonly result: EvaluationResult;
  /** What the result sums up, query by query. */
  readonly scores: readonly QueryScores[];
  /** The nearest of every query, where they are asked for. */
  readonly nearest: readonly TopLists[];
}

/** Queries ranked at a time; any number gives the same bits. */
export const QUERIES_PER_SHARD = 256;

/** Same identity under the same camera, and nothing else. */
const SAME_CAMERA: ExclusionRule = { drop: [{ sameIdentity: true, sameCamera: true }], distractors: [] };

/**
 * Evaluates sets that are in memory by any protocol, and gives the scores of every query as well.
 *
 * @param kernel a build of the ranking kernel; see `chooseKernel`.
 */
export async function evaluateSets(
  kernel: CompiledModule,
  rule: SetRule,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  {
    distances,
    topK = 0,
    progress,
  }: {
    readonly distances?: DistanceSource;
    /** How many of each query's list to give as they are ranked. */
    readonly topK?: number | undefined;
    readonly progress?: (done: number, total: number) => void;
  } = {},
): Promise<SetEvaluation> {
  if (queries.dimension !== gallery.dimension) {
    throw new RangeError(
      `Queries have ${queries.dimension} dimensions, the gallery has ${gallery.dimension}.`,
    );
  }
  const source = gallerySource(gallery);
  const kernels = new Kernels(kernel);
  const bound = bindSets(rule, queries, gallery);
  const summary = new SetSummary(rule);
  const parts: RankedPart[] = [];
  // The kernel is worth many queries for each reading of the gallery; rows of distances take memory.
  const streamed = distances === undefined && isStreamed(rule);
  const limits = {
    queries: streamed ? Math.ceil(QUERY_BYTES / (4 * queries.dimension)) : QUERIES_PER_SHARD,
    matches: MATCHES,
  };
  for (const { start, count } of cutShards(queries.identities, gallery.identities, limits)) {
    const block = blockOf(queries, start, count);
    const part = await rankPart(kernels, rule, bound, block, source, { distances: distances?.(block), topK });
    summary.add(part);
    parts.push(part);
    progress?.(start + count, queries.count);
  }
  return {
    result: summary.result(queries.count),
    scores: parts.map(({ scores }) => scores),
    nearest: parts.flatMap(({ nearest }) => nearest ?? []),
  };
}

/** A protocol bound to two sets, and what it ranks: the gallery's images, or its tracks. */
export interface BoundSets {
  readonly protocol: Protocol;
  /** Of a gallery of tracks. */
  readonly tracks: Tracks | undefined;
  /** The identity of everything that is ranked. */
  readonly identities: Int32Array;
  /** Distances to what is ranked, from those to the images. */
  read(images: GalleryReader, queries: EmbeddingBlock): GalleryReader;
}

/** @throws {RangeError | RuleError | TrackError} if what a protocol asks of the sets is not there. */
export function bindSets(
  { protocol }: Pick<SetRule, 'protocol'>,
  queries: Labels,
  gallery: Labels,
): BoundSets {
  if (protocol === 'veri776-track') {
    const tracks = gatherTracks(gallery);
    return {
      protocol: bindProtocol('veri776', queries, tracks.labels),
      tracks,
      identities: tracks.labels.identities,
      read: (images, block) => readTracks(images, tracks, block),
    };
  }
  return {
    protocol: bindProtocol(protocol === 'cuhk03-classic' ? SAME_CAMERA : protocol, queries, gallery),
    tracks: undefined,
    identities: gallery.identities,
    read: (images) => images,
  };
}

/** What one shard of queries yields. */
export interface RankedPart {
  readonly scores: QueryScores;
  /** For `cuhk03-classic`. */
  readonly hits?: SingleShotHits;
  readonly nearest?: TopLists;
}

/** Whether a protocol ranks by the kernel alone: distances in double precision are slower. */
export function isStreamed({ protocol }: Pick<SetRule, 'protocol'>): boolean {
  return protocol !== 'veri776-track' && protocol !== 'cuhk03-classic';
}

/**
 * Ranks one block of queries: one shard of an evaluation by any protocol. Of the gallery one block at a time is
 * in memory, and for `veri776-track` and `cuhk03-classic` one row of distances a query. How queries and
 * gallery are cut changes no bit.
 *
 * @param options.distances to the gallery's images, in place of those between embeddings.
 */
export async function rankPart(
  kernels: Kernels,
  rule: SetRule,
  bound: BoundSets,
  queries: EmbeddingBlock,
  gallery: GallerySource,
  { distances, topK = 0 }: { readonly distances?: GalleryReader | undefined; readonly topK?: number } = {},
): Promise<RankedPart> {
  const { protocol } = bound;
  if (distances === undefined && isStreamed(rule)) {
    const kernel = kernels.ranking;
    kernel.begin(queries, gallery.rowsPerBlock, rule.distance);
    const scores = await rankQueries(protocol, queries, new KernelScorer(kernel, gallery, protocol.drops));
    if (topK === 0) return { scores };
    return {
      scores,
      nearest: await topListsByKernel(kernel, rule.distance, protocol, queries, gallery, topK),
    };
  }
  const images = distances ?? readDistances(kernels.distances, rule.distance, queries, gallery);
  const reader = bound.read(images, queries);
  const scorer = new DistanceScorer(reader, queries.start, protocol.drops);
  const scores = await rankQueries(protocol, queries, scorer);
  const isRoot = rule.distance === 'euclidean' && distances === undefined;
  return {
    scores,
    ...(rule.protocol === 'cuhk03-classic' && {
      hits: await drawSingleShots(rule.draws, protocol, queries, bound.identities, reader),
    }),
    ...(topK > 0 && {
      nearest: await topLists(
        protocol,
        queries,
        topK,
        reader,
        itemLabels(gallery.labels, bound.tracks),
        isRoot ? Math.sqrt : (value) => value,
      ),
    }),
  };
}
