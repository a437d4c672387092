import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blocksOf, type EmbeddingBlock } from './blocks.ts';
import type { DistanceName } from './distance.ts';
import { DistanceScorer } from './distance-scorer.ts';
import { rankSets } from './evaluate.ts';
import type { ExclusionRule } from './exclusion-rule.ts';
import type { GalleryReader } from './gallery-distances.ts';
import type { CompiledModule } from './kernel/webassembly.ts';
import { bindProtocol, type Protocol, type ProtocolName, protocolNames } from './protocols.ts';
import { rankQueries } from './rank.ts';
import { gallerySource, readDistances } from './read-distances.ts';
import type { QueryScores } from './scores.ts';
import {
  drawSingleShots,
  type SingleShotDraws,
  type SingleShotHits,
  singleShotCmc,
} from './single-gallery-shot.ts';
import { type EvaluationResult, summarise } from './summary.ts';
import { gatherTracks, readTracks } from './tracks.ts';

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
    progress,
  }: {
    readonly distances?: DistanceSource;
    readonly progress?: (done: number, total: number) => void;
  } = {},
): Promise<SetEvaluation> {
  const { protocol, read, streamed } = bindSets(rule, queries, gallery, distances);
  if (streamed !== undefined) {
    const streamedRule = { protocol: streamed, distance: rule.distance };
    const scores = await rankSets(kernel, streamedRule, queries, gallery, progress);
    return { result: summarise(scores, queries.count), scores };
  }
  const scores: QueryScores[] = [];
  const hits: SingleShotHits[] = [];
  for (const block of blocksOf(queries, QUERIES_PER_SHARD)) {
    const reader = read(block);
    scores.push(await rankQueries(protocol, block, new DistanceScorer(reader, block.start, protocol.drops)));
    if (rule.protocol === 'cuhk03-classic') {
      hits.push(await drawSingleShots(rule.draws, protocol, block, gallery.identities, reader));
    }
    progress?.(block.start + block.count, queries.count);
  }
  const result = summarise(scores, queries.count);
  if (rule.protocol !== 'cuhk03-classic') return { result, scores };
  return { result: { ...result, cmc: singleShotCmc(hits, rule.draws) }, scores };
}

/** A protocol bound to two sets, with the reader of what it ranks: images or tracks. */
export interface BoundSets {
  readonly protocol: Protocol;
  read(queries: EmbeddingBlock): GalleryReader;
  /** The protocol by which {@link rankSets} gives the same, where it does. */
  readonly streamed: ProtocolName | ExclusionRule | undefined;
}

/** @throws {RangeError} if the dimensions differ, or what a protocol asks of the sets is not there. */
export function bindSets(
  { protocol, distance }: SetRule,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  distances?: DistanceSource,
): BoundSets {
  if (queries.dimension !== gallery.dimension) {
    throw new RangeError(
      `Queries have ${queries.dimension} dimensions, the gallery has ${gallery.dimension}.`,
    );
  }
  const images = distances ?? ((block) => readDistances(distance, block, gallerySource(gallery)));
  switch (protocol) {
    case 'veri776-track': {
      const tracks = gatherTracks(gallery);
      return {
        protocol: bindProtocol('veri776', queries, tracks.labels),
        read: (block) => readTracks(images(block), tracks, block),
        streamed: undefined,
      };
    }
    case 'cuhk03-classic':
      return {
        protocol: bindProtocol(SAME_CAMERA, queries, gallery),
        read: images,
        streamed: undefined,
      };
    default:
      return {
        protocol: bindProtocol(protocol, queries, gallery),
        read: images,
        streamed: distances === undefined ? protocol : undefined,
      };
  }
}
