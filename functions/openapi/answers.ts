import { distanceNames } from '@softmargin/shared/metrics/distance.ts';
import { setProtocols } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { exclusionRuleSchema } from '@softmargin/shared/metrics/exclusion-rule.ts';
import { reRankingSchema } from '@softmargin/shared/metrics/re-ranking-options.ts';
import { pictureNamings } from '@softmargin/shared/sets/picture-names.ts';
import * as z from 'zod';
import { evaluationStates } from '../evaluation/states.ts';
import { scopes } from '../keys/key.ts';

/**
 * What answers hold. The tests hold every answer of the document's examples against these. In the document each has the
 * name that it is exported by.
 */

const timeSchema = z.iso.datetime().describe('UTC, as 2026-01-31T12:00:00.000Z');
const digestSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256 of the content');
const countSchema = z.int().nonnegative();

function listOf<S extends z.ZodType>(item: S) {
  return z.strictObject({ object: z.literal('list'), data: z.array(item), hasMore: z.boolean() });
}

export const errorSchema = z.strictObject({
  error: z.strictObject({
    message: z.string().describe('What is wrong, for people: the field, the limit and what was found'),
    type: z.enum([
      'invalid_request_error',
      'authentication_error',
      'permission_error',
      'rate_limit_error',
      'server_error',
    ]),
    param: z.string().nullable().describe('The field at fault, as a path: input[3].image'),
    code: z.string().nullable().describe('A word for programs; docs/errors.md lists all'),
  }),
  errors: z.array(z.looseObject({})).optional().describe('Of pictures, of which none could be embedded'),
});

const itemErrorSchema = z.strictObject({
  index: countSchema.describe('Place of the picture in the request'),
  message: z.string(),
  type: z.literal('invalid_request_error'),
  param: z.string(),
  code: z.string(),
});

export const healthSchema = z.strictObject({
  status: z.literal('ok'),
  backend: z.string(),
  simd: z.boolean(),
});

export const modelSchema = z.strictObject({
  id: z.string(),
  object: z.literal('model'),
  created: countSchema.describe('Seconds since 1970'),
  owned_by: z.enum(['softmargin', 'user']),
  default: z.boolean().describe('Whether requests that name no model mean it'),
  version: z.int().positive(),
  bytes: countSchema.describe('Of the bundle'),
  architecture: z.string(),
  input: z.strictObject({ height: z.int(), width: z.int(), channels: z.int() }),
  dimension: z.int().positive(),
  distance: z.enum(distanceNames),
  sha256: digestSchema,
  preprocessing: z.looseObject({}),
  flip: z.boolean(),
  truncatable: z.boolean(),
  weights: z.looseObject({}).describe('How they are stored and served, and their drift from float32'),
  scores: z.record(z.string(), z.number()),
  limits: z.record(z.string(), countSchema),
});

export const modelWithManifestSchema = modelSchema.extend({
  manifest: z.looseObject({}),
  versions: z
    .array(z.strictObject({ version: z.int().positive(), sha256: digestSchema, created: countSchema }))
    .optional()
    .describe('The newest first; of GET'),
});
export const modelsSchema = z.strictObject({ object: z.literal('list'), data: z.array(modelSchema) });

export const embeddingsSchema = z.strictObject({
  object: z.literal('list'),
  model: z.string(),
  model_version: digestSchema,
  data: z.array(
    z.strictObject({
      object: z.literal('embedding'),
      index: countSchema,
      embedding: z
        .union([z.array(z.number()), z.string()])
        .describe('Numbers; with encoding_format base64, little-endian float32'),
    }),
  ),
  usage: z.strictObject({ prompt_tokens: z.literal(0), total_tokens: z.literal(0) }),
  errors: z.array(itemErrorSchema).optional().describe('Pictures that could not be embedded'),
});

export const setSchema = z.strictObject({
  id: z.string(),
  object: z.literal('set'),
  kind: z.enum(['embeddings', 'pictures']),
  sha256: digestSchema,
  count: z.int().positive(),
  dimension: z.int().positive().nullable(),
  identities: countSchema.nullable(),
  cameras: countSchema.nullable(),
  groups: countSchema.nullable(),
  brokenPictures: countSchema.optional(),
  createdAt: timeSchema,
});

const pictureErrorsSchema = z
  .array(z.strictObject({ index: countSchema, path: z.string(), message: z.string(), code: z.string() }))
  .optional()
  .describe('Pictures that could not be read');

export const storedSetSchema = setSchema.extend({ errors: pictureErrorsSchema });

export const setsSchema = listOf(setSchema);

export const itemsSchema = listOf(
  z.strictObject({
    index: countSchema,
    identity: z.int(),
    camera: z.int(),
    group: z.int().optional(),
    path: z.string().optional().describe('Of a picture, as it was named in what was sent'),
    problem: z
      .strictObject({ message: z.string(), code: z.string() })
      .optional()
      .describe('Of a picture that could not be read'),
  }),
).extend({ set: z.string(), sha256: digestSchema });

export const deletedSchema = z.strictObject({
  id: z.string(),
  object: z.string(),
  deleted: z.literal(true),
});

export const partSchema = z.strictObject({
  part: z.int().positive(),
  object: z.literal('upload.part'),
  rows: z.int().positive(),
  sha256: digestSchema,
  labels: z.boolean(),
});

export const picturePartSchema = z.strictObject({
  part: z.int().positive(),
  object: z.literal('upload.part'),
  pictures: z.int().positive(),
  bytes: countSchema,
  sha256: digestSchema,
  labels: z.boolean(),
});

export const storedPicturePartSchema = picturePartSchema.extend({ errors: pictureErrorsSchema });

export const uploadSchema = z.strictObject({
  id: z.uuid(),
  object: z.literal('upload'),
  set: z.string(),
  kind: z.literal('embeddings'),
  count: z.int().positive(),
  dimension: z.int().positive(),
  dtype: z.enum(['float16', 'float32', 'float64']).nullable(),
  partRule: z.strictObject({
    rowsMultipleOf: z.int().positive(),
    maxBytes: z.int().positive(),
    maxRows: z.int().positive(),
    maxParts: z.int().positive(),
  }),
  parts: z.array(partSchema),
  rows: countSchema,
  createdAt: timeSchema,
  expiresAt: timeSchema,
});

export const picturesUploadSchema = z.strictObject({
  id: z.uuid(),
  object: z.literal('upload'),
  set: z.string(),
  kind: z.literal('pictures'),
  count: z.int().positive(),
  names: z.enum(pictureNamings).nullable(),
  partRule: z.strictObject({
    maxBytes: z.int().positive(),
    maxPictures: z.int().positive(),
    maxParts: z.int().positive(),
    maxSetBytes: z.int().positive(),
  }),
  parts: z.array(picturePartSchema),
  pictures: countSchema,
  createdAt: timeSchema,
  expiresAt: timeSchema,
});

export const searchResultsSchema = z.strictObject({
  object: z.literal('search'),
  set: z.string(),
  sha256: digestSchema,
  distance: z.enum(distanceNames),
  data: z.array(
    z.strictObject({
      object: z.literal('search.result'),
      index: countSchema,
      results: z.array(
        z.strictObject({
          index: countSchema,
          identity: z.int(),
          camera: z.int(),
          group: z.int().optional(),
          distance: z.number(),
        }),
      ),
    }),
  ),
  errors: z.array(itemErrorSchema).optional(),
});

const contentSchema = z.strictObject({ set: z.string(), sha256: digestSchema, count: z.int().positive() });

const bootstrapOptions = { resamples: z.int(), seed: z.int(), confidence: z.number() };

const ruleFields = {
  protocol: z
    .union([z.enum(setProtocols), exclusionRuleSchema])
    .describe('A name, or a rule: docs/evaluation-jobs.md'),
  distance: z.enum(distanceNames),
  draws: z.strictObject({ repeats: z.int(), seed: z.int() }).optional(),
  bootstrap: z.strictObject(bootstrapOptions).optional(),
  verification: z.boolean().optional(),
  rerank: reRankingSchema.optional(),
  topK: z.int().optional(),
};

const meanSchema = z.number().nullable().describe('Over the valid queries; null where there are none');
const endsSchema = z.tuple([z.number(), z.number()]).describe('Its lower and its upper end');

/** What one ranking of the queries gives. */
const rankingSchema = z.strictObject({
  mAP: meanSchema,
  mAPTrapezoid: meanSchema,
  mAPAtR: meanSchema,
  rPrecision: meanSchema,
  precision: z.record(z.string(), z.number()).describe('At 1, 5 and 10'),
  mINP: meanSchema,
  cmc: z
    .record(z.string(), z.number())
    .describe('By rank, from 1: the share of valid queries with a correct match up to it'),
  validQueries: countSchema,
  skippedQueries: countSchema.describe('Without a correct match in their list: in no mean'),
  intervals: z
    .strictObject({
      ...bootstrapOptions,
      ...{ mAP: endsSchema.optional(), mINP: endsSchema.optional(), cmc1: endsSchema.optional() },
    })
    .optional(),
});

export const rocPointSchema = z.strictObject({
  far: z.number().describe('The false accept rate that was asked for'),
  tar: z.number().describe('The share of matching pairs that the threshold accepts'),
  achievedFar: z.number().describe('The share of other pairs that it accepts'),
  tarAtMost: z.number().describe('No threshold within the false accept rate accepts more'),
  threshold: z.number(),
});

export const verificationSchema = z.strictObject({
  matchingPairs: countSchema,
  nonMatchingPairs: countSchema,
  resolution: z.number().describe('Thresholds are whole multiples of it'),
  tarAtFar: z.array(rocPointSchema),
  roc: z.array(rocPointSchema),
  histogram: z.strictObject({
    binWidth: z.number(),
    matching: z.array(countSchema),
    nonMatching: z.array(countSchema),
  }),
});

const embeddedSideSchema = z.strictObject({
  sha256: digestSchema.describe('Of the embeddings'),
  embedded: countSchema,
  failed: countSchema,
  errors: pictureErrorsSchema,
});

export const findingsSchema = rankingSchema.extend({
  verification: verificationSchema.optional(),
  reranked: rankingSchema.extend(reRankingSchema.shape).optional(),
  model: z.strictObject({ name: z.string(), sha256: digestSchema }).optional(),
  pictures: z
    .strictObject({ query: embeddedSideSchema.optional(), gallery: embeddedSideSchema.optional() })
    .optional()
    .describe('Of sets of pictures: their embeddings'),
});

export const evaluationSchema = z.strictObject({
  id: z.uuid(),
  object: z.literal('evaluation'),
  state: z.enum(evaluationStates),
  finishedAt: timeSchema.nullable(),
  progress: z.strictObject({
    shards: z.strictObject({ done: countSchema, total: countSchema }),
    stage: z.string().nullable().optional(),
    stages: z.array(z.strictObject({ stage: z.string(), done: countSchema, total: countSchema })).optional(),
    etaSeconds: z.number().nullable(),
  }),
  result: findingsSchema.optional(),
  error: z.strictObject({ message: z.string(), code: z.string() }).optional(),
  query: contentSchema,
  gallery: contentSchema,
  dimension: z.int().positive(),
  model: z.strictObject({ name: z.string(), sha256: digestSchema }).optional(),
  ...ruleFields,
  version: z.string(),
  webhook: z
    .strictObject({
      url: z.string(),
      attempts: countSchema,
      lastStatus: z.int().nullable(),
      deliveredAt: timeSchema.nullable(),
    })
    .optional(),
  createdAt: timeSchema,
});

export const evaluationsSchema = listOf(evaluationSchema).extend({ lastId: z.uuid().nullable() });

export const planSchema = z.strictObject({
  object: z.literal('evaluation.plan'),
  query: contentSchema,
  gallery: contentSchema,
  dimension: z.int().positive(),
  model: z.strictObject({ name: z.string(), sha256: digestSchema }).optional(),
  ...ruleFields,
  version: z.string(),
  plan: z.strictObject({
    ranking: z.boolean().describe('Whether the ranking is in it: not before the pictures are embedded'),
    shards: countSchema,
    multiplyAdds: z.number(),
    bytesRead: z.number(),
    stages: z.array(
      z.strictObject({
        stage: z.string(),
        engine: z.string(),
        shards: countSchema,
        itemsPerShard: z.strictObject({ fewest: countSchema, most: countSchema }),
        multiplyAdds: z.number(),
        computeSeconds: z.number().nullable(),
        shardSeconds: z.number(),
      }),
    ),
  }),
  speeds: z
    .looseObject({})
    .describe('Multiply-adds a second by kind of work, and whether they were measured here'),
  limits: z.looseObject({ shards: countSchema }),
});

export const queryEntrySchema = z.strictObject({
  query: countSchema.describe('Its place in the query set'),
  identity: z.int(),
  camera: z.int(),
  averagePrecision: z.number().nullable(),
  firstMatchRank: z.int().positive().nullable(),
  skipped: z.boolean(),
  nearest: z
    .array(
      z.strictObject({
        galleryIndex: countSchema,
        identity: z.int(),
        camera: z.int(),
        group: z.int().optional(),
        distance: z.number(),
        match: z.boolean(),
      }),
    )
    .optional()
    .describe('With topK: the first places of its list'),
});

export const queriesSchema = listOf(queryEntrySchema).extend({ lastQuery: countSchema.nullable() });

const differenceSchema = z.strictObject({
  a: z.number(),
  b: z.number(),
  difference: z
    .strictObject({ mean: z.number(), low: z.number(), high: z.number() })
    .describe('b − a, with its interval'),
  withinNoise: z.boolean().describe('Whether zero is in the interval'),
});

export const comparisonSchema = z.strictObject({
  object: z.literal('evaluation.comparison'),
  a: z.uuid(),
  b: z.uuid(),
  mAP: differenceSchema,
  cmc1: differenceSchema,
  validQueries: countSchema,
  skippedQueries: countSchema,
  ...bootstrapOptions,
  summary: z.array(z.string()).describe('What the differences say'),
});

export const keySchema = z.strictObject({
  id: z.uuid(),
  object: z.literal('key'),
  owner: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(scopes)),
  createdAt: timeSchema,
  expiresAt: timeSchema.nullable(),
  revokedAt: timeSchema.nullable(),
  lastUsedAt: timeSchema.nullable(),
});

export const createdKeySchema = keySchema.extend({
  key: z.string().describe('The key itself, shown this once'),
});

export const keysSchema = listOf(keySchema);
