import type { SetRule } from '@softmargin/shared/metrics/evaluate-sets.ts';
import type { EvaluationFindings } from '@softmargin/shared/metrics/report.ts';
import * as z from 'zod';

/**
 * What the service answers, as far as this client relies on it: other fields are passed on unread. A test holds these
 * against the types of the service itself.
 */

const countSchema = z.int().nonnegative();

function listOf<S extends z.ZodType>(item: S) {
  return z.object({ object: z.literal('list'), data: z.array(item), hasMore: z.boolean() });
}

export const healthSchema = z.object({ status: z.literal('ok'), backend: z.string(), simd: z.boolean() });
export type Health = z.infer<typeof healthSchema>;

export const modelSchema = z.object({
  id: z.string(),
  object: z.literal('model'),
  /** Seconds since 1970. */
  created: countSchema,
  owned_by: z.string(),
  architecture: z.string(),
  input: z.object({ height: z.int(), width: z.int(), channels: z.int() }),
  dimension: z.int().positive(),
  distance: z.string(),
  sha256: z.string(),
  scores: z.record(z.string(), z.number()),
});
export type Model = z.infer<typeof modelSchema>;

export const modelWithManifestSchema = modelSchema.extend({ manifest: z.record(z.string(), z.unknown()) });
export type ModelWithManifest = z.infer<typeof modelWithManifestSchema>;

export const modelsSchema = z.object({ object: z.literal('list'), data: z.array(modelSchema) });

/** What is wrong with one picture of a request. */
const pictureProblemSchema = z.object({ index: countSchema, message: z.string(), code: z.string() });
export type PictureProblem = z.infer<typeof pictureProblemSchema>;

export const embeddingsSchema = z.object({
  object: z.literal('list'),
  model: z.string(),
  /** SHA-256 of the bundle. */
  model_version: z.string(),
  data: z.array(z.object({ index: countSchema, embedding: z.union([z.array(z.number()), z.string()]) })),
  errors: z.array(pictureProblemSchema).optional(),
});

export const setSchema = z.object({
  id: z.string(),
  object: z.literal('set'),
  kind: z.enum(['embeddings', 'pictures']),
  /** Of the content: the same features and labels have the same. */
  sha256: z.string(),
  count: z.int().positive(),
  /** `null` of pictures. */
  dimension: z.int().positive().nullable(),
  /** How many different ones there are. */
  identities: countSchema.nullable(),
  cameras: countSchema.nullable(),
  groups: countSchema.nullable(),
  brokenPictures: countSchema.nullish(),
  createdAt: z.string(),
});
export type StoredSet = z.infer<typeof setSchema>;

export const putSetSchema = setSchema.extend({
  /** Pictures that could not be read; the first hundred. */
  errors: z
    .array(z.object({ index: countSchema, path: z.string(), message: z.string(), code: z.string() }))
    .optional(),
});
export type PutSet = z.infer<typeof putSetSchema>;

export const setsSchema = listOf(setSchema);

export const uploadSchema = z.object({
  id: z.string(),
  partRule: z.object({
    /** All parts but the last have a multiple of these rows. */
    rowsMultipleOf: z.int().positive(),
    maxBytes: z.int().positive(),
    maxRows: z.int().positive(),
    maxParts: z.int().positive(),
  }),
});
export type Upload = z.infer<typeof uploadSchema>;

/** What there is to know of an upload of pictures. */
export const uploadBegunSchema = z.object({ id: z.string() });

export const picturePartSchema = z.object({
  part: z.int().positive(),
  pictures: z.int().positive(),
  sha256: z.string(),
});

export const deletedSchema = z.object({ id: z.string(), deleted: z.literal(true) });
export type Deleted = z.infer<typeof deletedSchema>;

export const partSchema = z.object({
  part: z.int().positive(),
  rows: z.int().positive(),
  sha256: z.string(),
});

export const searchSchema = z.object({
  object: z.literal('search'),
  set: z.string(),
  sha256: z.string(),
  distance: z.string(),
  data: z.array(
    z.object({
      /** The query's place in the request. */
      index: countSchema,
      results: z.array(
        z.object({
          /** The item's place in the set. */
          index: countSchema,
          identity: z.int(),
          camera: z.int(),
          group: z.int().optional(),
          distance: z.number(),
        }),
      ),
    }),
  ),
  errors: z.array(pictureProblemSchema).optional(),
});
export type Search = z.infer<typeof searchSchema>;

export const evaluationStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type EvaluationState = (typeof evaluationStates)[number];

const meanSchema = z.number().nullable();
const rankingSchema = z.object({
  mAP: meanSchema,
  mAPTrapezoid: meanSchema,
  mAPAtR: meanSchema,
  rPrecision: meanSchema,
  precision: z.record(z.string(), z.number()),
  mINP: meanSchema,
  cmc: z.record(z.string(), z.number()),
  validQueries: countSchema,
  skippedQueries: countSchema,
});

const sideSchema = z.object({ set: z.string(), sha256: z.string(), count: countSchema });

export const evaluationSchema = z.object({
  id: z.string(),
  object: z.literal('evaluation'),
  state: z.enum(evaluationStates),
  finishedAt: z.string().nullable(),
  progress: z.object({
    shards: z.object({ done: countSchema, total: countSchema }),
    stage: z.string().nullish(),
    etaSeconds: z.number().nullable(),
  }),
  query: sideSchema,
  gallery: sideSchema,
  model: z.object({ name: z.string(), sha256: z.string().nullable() }).optional(),
  /** A name, or a rule of its own. */
  protocol: z.custom<SetRule['protocol']>((value) => typeof value === 'string' || typeof value === 'object'),
  distance: z.string(),
  /** Once it succeeded. */
  result: z.custom<EvaluationFindings>((value) => rankingSchema.safeParse(value).success).optional(),
  /** Once it failed. */
  error: z.object({ message: z.string(), code: z.string().nullish() }).nullish(),
  createdAt: z.string(),
});
export type Evaluation = z.infer<typeof evaluationSchema>;

export const evaluationsSchema = listOf(evaluationSchema).extend({ lastId: z.string().nullable() });

export const planSchema = z.object({
  object: z.literal('evaluation.plan'),
  plan: z.object({ shards: countSchema, multiplyAdds: countSchema, bytesRead: countSchema }),
});
export type EvaluationPlan = z.infer<typeof planSchema>;

export const queriesSchema = listOf(
  z.object({
    query: countSchema,
    identity: z.int(),
    camera: z.int(),
    averagePrecision: z.number().nullable(),
    firstMatchRank: z.int().nullable(),
    skipped: z.boolean(),
    nearest: z
      .array(
        z.object({
          galleryIndex: countSchema,
          identity: z.int(),
          camera: z.int(),
          distance: z.number(),
          match: z.boolean(),
        }),
      )
      .optional(),
  }),
).extend({ lastQuery: z.int().nullable() });
export type Queries = z.infer<typeof queriesSchema>;

const differenceSchema = z.object({
  a: z.number(),
  b: z.number(),
  difference: z.object({ mean: z.number(), low: z.number(), high: z.number() }),
  withinNoise: z.boolean(),
});

export const comparisonSchema = z.object({
  object: z.literal('evaluation.comparison'),
  a: z.string(),
  b: z.string(),
  mAP: differenceSchema,
  cmc1: differenceSchema,
  validQueries: countSchema,
  skippedQueries: countSchema,
  /** What the differences say, in sentences. */
  summary: z.array(z.string()),
});
export type Comparison = z.infer<typeof comparisonSchema>;

export const scopes = ['embed', 'evaluate', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export const keySchema = z.object({
  id: z.string(),
  object: z.literal('key'),
  owner: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(scopes)),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
});
export type KeyDescription = z.infer<typeof keySchema>;

export const newKeySchema = keySchema.extend({
  /** Shown this once. */
  key: z.string(),
});
export type NewKey = z.infer<typeof newKeySchema>;

export const keysSchema = listOf(keySchema);
