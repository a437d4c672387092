import { modelNameSchema } from '@softmargin/shared/bundle/manifest.ts';
import * as z from 'zod';
import { SAMPLE_PICTURE } from '../inference/sample.ts';
import type { Scope } from '../keys/key.ts';
import { MAX_PARTS } from '../limits.ts';
import { embeddingsJsonSchema, embeddingsTextSchema } from '../routes/embeddings-request.ts';
import { evaluationRequestSchema, evaluationsPageSchema } from '../routes/evaluations.ts';
import { comparisonSchema, queriesPageSchema } from '../routes/evaluations-results.ts';
import { keyRequestSchema, keysPageSchema } from '../routes/keys.ts';
import { searchSchema } from '../routes/search.ts';
import { itemsPageSchema } from '../routes/set-items.ts';
import {
  completionSchema,
  embeddingsUploadSchema,
  hashQuerySchema,
  picturesUploadSchema,
} from '../routes/set-uploads.ts';
import { bodyQuerySchema, partQuerySchema, setNameSchema, setsPageSchema } from '../routes/sets.ts';
import * as answers from './answers.ts';

/** A body: JSON that a schema has, or another media type, of which the schema says nothing. */
export type Content = z.ZodType | string;

/** An operation of the service, for the document. */
export interface OperationDescription {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** One of these is needed; none is where no key is. */
  readonly scopes: readonly Scope[];
  readonly query?: z.ZodObject;
  readonly headers?: Readonly<Record<string, { readonly schema: z.ZodType; readonly description: string }>>;
  readonly body?: { readonly required: boolean; readonly contents: readonly Content[] };
  /** A body in JSON that works, or several. */
  readonly examples?: Readonly<Record<string, object>>;
  readonly answers: Readonly<Record<number, { readonly description: string; readonly content?: Content }>>;
}

/** What stands in a path. */
interface Parameter {
  readonly schema: z.ZodType;
  readonly example: unknown;
  readonly description: string;
}

const uuid = '7b1de2e4-3f0a-4f6c-9d57-0a1b2c3d4e5f';

export const parameters: Readonly<Record<string, Parameter>> = {
  model: {
    ...{ schema: modelNameSchema, example: 'mnist-wide' },
    description: 'A name; of one version name@2, or name@ and eight or more digits of its SHA-256',
  },
  set: { schema: setNameSchema, example: 'my-gallery', description: 'The name of a set' },
  index: { schema: z.int().nonnegative(), example: 0, description: 'The place of a picture in the set' },
  upload: { schema: z.uuid(), example: uuid, description: 'The id of an upload' },
  part: { schema: z.int().min(1).max(MAX_PARTS), example: 1, description: 'The number of a part, from 1' },
  id: { schema: z.uuid(), example: uuid, description: 'The id of an evaluation' },
  other: {
    ...{ schema: z.uuid(), example: '0c9f8e7d-6b5a-4c3d-8e2f-1a0b9c8d7e6f' },
    description: 'The id of another, of the same queries',
  },
  key: { schema: z.uuid(), example: uuid, description: 'The id of a key, which is not the key itself' },
};

const setInJson = z.strictObject({
  features: z.array(z.array(z.number())),
  identities: z.array(z.int()),
  cameras: z.array(z.int()),
  groups: z.array(z.int()).optional(),
});

/** Any of the formats of docs/sets.md, told by its first bytes. */
const BYTES = 'application/octet-stream';

const upload = z.union([answers.uploadSchema, answers.picturesUploadSchema]);
const part = z.union([answers.partSchema, answers.storedPicturePartSchema]);

const set = {
  features: [
    [1, 0],
    [0, 1],
    [1, 1],
    [0.5, 1],
  ],
  identities: [1, 2, 1, 2],
  cameras: [1, 1, 2, 2],
};

const rule = { query: 'my-gallery', gallery: 'my-gallery', protocol: 'market1501', distance: 'cosine' };

/** Every operation, in an order in which the examples work one after the other. */
export const operations: readonly OperationDescription[] = [
  {
    ...{ method: 'get', path: '/health', id: 'getHealth', scopes: [] },
    summary: 'Embeds a built-in picture and says whether that worked',
    answers: { 200: { description: 'It worked', content: answers.healthSchema } },
  },
  {
    ...{ method: 'get', path: '/v1/models', id: 'listModels', scopes: ['embed', 'evaluate', 'admin'] },
    summary: 'Lists what can embed',
    answers: { 200: { description: 'The models', content: answers.modelsSchema } },
  },
  {
    ...{ method: 'get', path: '/v1/models/{model}', id: 'getModel', scopes: ['embed', 'evaluate', 'admin'] },
    summary: 'Describes a model, with its manifest',
    answers: { 200: { description: 'The model', content: answers.modelWithManifestSchema } },
  },
  {
    ...{ method: 'put', path: '/v1/models/{model}', id: 'putModel', scopes: ['admin'] },
    summary: 'Stores a bundle (.safetensors) under a name',
    body: { required: true, contents: [BYTES] },
    answers: {
      200: {
        description: 'It is the newest version of a model that was there',
        content: answers.modelWithManifestSchema,
      },
      201: { description: 'It is stored', content: answers.modelWithManifestSchema },
    },
  },
  {
    ...{ method: 'delete', path: '/v1/models/{model}', id: 'deleteModel', scopes: ['admin'] },
    summary: 'Deletes a model with all its versions, or one version of it',
    answers: { 200: { description: 'It is gone', content: answers.deletedSchema } },
  },
  {
    ...{ method: 'put', path: '/v1/models/{model}/default', id: 'setDefaultModel', scopes: ['admin'] },
    summary: 'Makes a model the one of requests that name none',
    answers: { 200: { description: 'The model', content: answers.modelSchema } },
  },
  {
    ...{ method: 'post', path: '/v1/embeddings', id: 'createEmbeddings', scopes: ['embed'] },
    summary: 'Embeds pictures, in OpenAI’s form; of a picture sent as it is, the query has the options',
    query: embeddingsTextSchema,
    body: {
      required: true,
      contents: [embeddingsJsonSchema, 'image/png', 'image/jpeg', 'image/webp', 'multipart/form-data'],
    },
    examples: {
      picture: { input: SAMPLE_PICTURE },
      base64: { model: 'mnist-wide', input: [{ image: SAMPLE_PICTURE }], encoding_format: 'base64' },
    },
    answers: {
      200: {
        description: 'The embeddings; pictures that could not be embedded are listed beside',
        content: answers.embeddingsSchema,
      },
    },
  },
  {
    ...{ method: 'put', path: '/v1/sets/{set}', id: 'putSet', scopes: ['evaluate'] },
    summary: 'Stores a set of embeddings or pictures in one body',
    query: bodyQuerySchema,
    body: { required: true, contents: [setInJson, BYTES, 'multipart/form-data'] },
    examples: { set },
    answers: {
      200: { description: 'It took the place of one of that name', content: answers.storedSetSchema },
      201: { description: 'It is stored', content: answers.storedSetSchema },
    },
  },
  {
    ...{ method: 'get', path: '/v1/sets', id: 'listSets', scopes: ['evaluate'] },
    summary: 'Lists sets by name',
    query: setsPageSchema,
    answers: { 200: { description: 'A page of sets', content: answers.setsSchema } },
  },
  {
    ...{ method: 'get', path: '/v1/sets/{set}', id: 'getSet', scopes: ['evaluate'] },
    summary: 'Describes a set',
    answers: { 200: { description: 'The set', content: answers.setSchema } },
  },
  {
    ...{ method: 'get', path: '/v1/sets/{set}/items', id: 'listItems', scopes: ['evaluate'] },
    summary: 'Lists the items of a set with their labels, and the paths of pictures',
    query: itemsPageSchema,
    answers: { 200: { description: 'A page of items', content: answers.itemsSchema } },
  },
  {
    ...{ method: 'get', path: '/v1/sets/{set}/pictures/{index}', id: 'getPicture', scopes: ['evaluate'] },
    summary: 'Gives a picture of a set of pictures, as it was sent',
    answers: {
      200: { description: 'The file, image/png, image/jpeg or image/webp', content: 'image/png' },
      404: { description: 'There is no such picture', content: answers.errorSchema },
    },
  },
  {
    ...{ method: 'post', path: '/v1/sets/{set}/search', id: 'searchSet', scopes: ['evaluate'] },
    summary: 'Finds the nearest items of a set, exactly',
    body: { required: true, contents: [searchSchema] },
    examples: { embeddings: { embeddings: [[1, 0.5]], k: 2, distance: 'euclidean' } },
    answers: {
      200: { description: 'The nearest items of each query', content: answers.searchResultsSchema },
    },
  },
  {
    ...{ method: 'post', path: '/v1/sets/{set}/uploads', id: 'beginUpload', scopes: ['evaluate'] },
    summary: 'Begins a set that comes in parts',
    body: { required: true, contents: [z.union([embeddingsUploadSchema, picturesUploadSchema])] },
    examples: {
      upload: { count: 20_000, dimension: 512, dtype: 'float32' },
      pictures: { kind: 'pictures', count: 20_000, names: 'market1501' },
    },
    answers: { 201: { description: 'The upload', content: upload } },
  },
  {
    ...{ method: 'get', path: '/v1/sets/{set}/uploads/{upload}', id: 'getUpload', scopes: ['evaluate'] },
    summary: 'Says which parts are there',
    answers: { 200: { description: 'The upload', content: upload } },
  },
  {
    ...{ method: 'put', path: '/v1/sets/{set}/uploads/{upload}/parts/{part}', id: 'putPart' },
    scopes: ['evaluate'],
    summary: 'Stores a part',
    query: partQuerySchema,
    body: { required: true, contents: [BYTES, 'multipart/form-data'] },
    answers: {
      200: { description: 'It took the place of one of that number', content: part },
      201: { description: 'It is stored', content: part },
    },
  },
  {
    ...{ method: 'post', path: '/v1/sets/{set}/uploads/{upload}/complete', id: 'completeUpload' },
    scopes: ['evaluate'],
    summary: 'Makes a set of the parts; the body has labels where the parts had none',
    query: hashQuerySchema,
    body: { required: false, contents: [completionSchema, BYTES] },
    answers: {
      200: { description: 'It took the place of one of that name', content: answers.storedSetSchema },
      201: { description: 'The set', content: answers.storedSetSchema },
    },
  },
  {
    ...{ method: 'delete', path: '/v1/sets/{set}/uploads/{upload}', id: 'deleteUpload' },
    scopes: ['evaluate'],
    summary: 'Takes an upload back',
    answers: { 200: { description: 'It is gone', content: answers.deletedSchema } },
  },
  {
    ...{ method: 'post', path: '/v1/evaluations', id: 'createEvaluation', scopes: ['evaluate'] },
    summary: 'Ranks a query set against a gallery set',
    headers: {
      'Idempotency-Key': {
        schema: z.string().min(1).max(255),
        description: 'The same request again with the same key is the same evaluation',
      },
    },
    body: { required: true, contents: [evaluationRequestSchema({ loopback: false, hosts: undefined })] },
    examples: {
      evaluation: rule,
      plan: { ...rule, dryRun: true },
      everything: {
        ...rule,
        ...{ bootstrap: { resamples: 1000, seed: 0, confidence: 0.95 }, verification: true, topK: 2 },
        rerank: { k1: 2, k2: 1, lambda: 0.3 },
      },
    },
    answers: {
      200: {
        description: 'What it would take (dryRun), or the evaluation of the same request before',
        content: z.union([answers.planSchema, answers.evaluationSchema]),
      },
      202: { description: 'It is on its way; Location is where to ask', content: answers.evaluationSchema },
    },
  },
  {
    ...{ method: 'get', path: '/v1/evaluations', id: 'listEvaluations', scopes: ['evaluate'] },
    summary: 'Lists evaluations, newest first',
    query: evaluationsPageSchema,
    answers: { 200: { description: 'A page of evaluations', content: answers.evaluationsSchema } },
  },
  {
    ...{ method: 'get', path: '/v1/evaluations/{id}', id: 'getEvaluation', scopes: ['evaluate'] },
    summary: 'Says how far an evaluation is, and its result',
    answers: { 200: { description: 'The evaluation', content: answers.evaluationSchema } },
  },
  {
    ...{ method: 'get', path: '/v1/evaluations/{id}/events', id: 'watchEvaluation', scopes: ['evaluate'] },
    summary: 'Streams progress as server-sent events until the evaluation ends',
    answers: { 200: { description: 'Events, each with the evaluation', content: 'text/event-stream' } },
  },
  {
    ...{ method: 'get', path: '/v1/evaluations/{id}/queries', id: 'listQueries', scopes: ['evaluate'] },
    summary: 'Lists queries with their scores and lists',
    query: queriesPageSchema,
    answers: { 200: { description: 'A page of queries', content: answers.queriesSchema } },
  },
  {
    ...{ method: 'get', path: '/v1/evaluations/{id}/queries.csv', id: 'getQueryTable' },
    scopes: ['evaluate'],
    summary: 'Gives the score of every query as a table',
    answers: { 200: { description: 'The table', content: 'text/csv' } },
  },
  {
    ...{ method: 'get', path: '/v1/evaluations/{id}/comparison/{other}', id: 'compareEvaluations' },
    scopes: ['evaluate'],
    summary: 'Compares two evaluations of the same queries, in pairs',
    query: comparisonSchema,
    answers: { 200: { description: 'The differences', content: answers.comparisonSchema } },
  },
  ...(['cmc', 'roc', 'histogram'] as const).map((figure) => ({
    ...{ method: 'get' as const, path: `/v1/evaluations/{id}/${figure}.svg`, id: `draw-${figure}` },
    scopes: ['evaluate'] as const,
    summary: `Draws the ${figure === 'cmc' ? 'CMC curve' : figure === 'roc' ? 'ROC curve, of an evaluation with verification' : 'histogram of distances, of an evaluation with verification'}`,
    answers: { 200: { description: 'The figure', content: 'image/svg+xml' } },
  })),
  {
    ...{ method: 'post', path: '/v1/evaluations/{id}/cancel', id: 'cancelEvaluation' },
    scopes: ['evaluate'],
    summary: 'Ends an evaluation without a result',
    answers: { 200: { description: 'The evaluation, cancelled', content: answers.evaluationSchema } },
  },
  {
    ...{ method: 'delete', path: '/v1/evaluations/{id}', id: 'deleteEvaluation', scopes: ['evaluate'] },
    summary: 'Removes an evaluation and all that is stored of it',
    answers: { 204: { description: 'It is gone' } },
  },
  {
    ...{ method: 'delete', path: '/v1/sets/{set}', id: 'deleteSet', scopes: ['evaluate'] },
    summary: 'Removes a set',
    answers: { 200: { description: 'It is gone', content: answers.deletedSchema } },
  },
  {
    ...{ method: 'post', path: '/v1/keys', id: 'createKey', scopes: ['admin'] },
    summary: 'Makes a key and shows it once',
    body: { required: true, contents: [keyRequestSchema] },
    examples: { key: { name: 'laptop', scopes: ['embed', 'evaluate'], expiresAt: '2099-01-01T00:00:00Z' } },
    answers: { 201: { description: 'The key', content: answers.createdKeySchema } },
  },
  {
    ...{ method: 'get', path: '/v1/keys', id: 'listKeys', scopes: ['admin'] },
    summary: 'Lists keys, the oldest first',
    query: keysPageSchema,
    answers: { 200: { description: 'A page of keys', content: answers.keysSchema } },
  },
  {
    ...{ method: 'get', path: '/v1/keys/{key}', id: 'getKey', scopes: ['admin'] },
    summary: 'Describes a key',
    answers: { 200: { description: 'All about it but the key itself', content: answers.keySchema } },
  },
  {
    ...{ method: 'delete', path: '/v1/keys/{key}', id: 'revokeKey', scopes: ['admin'] },
    summary: 'Takes a key out of force, for good',
    answers: { 200: { description: 'The key, revoked', content: answers.keySchema } },
  },
  {
    ...{ method: 'get', path: '/metrics', id: 'getMetrics', scopes: ['admin'] },
    summary: 'Gives what all isolates counted, as Prometheus reads it; for the administrator’s owner',
    answers: { 200: { description: 'Samples', content: 'text/plain' } },
  },
  {
    ...{ method: 'get', path: '/openapi.json', id: 'getDocument', scopes: [] },
    summary: 'Gives this document',
    answers: { 200: { description: 'The document', content: z.looseObject({ openapi: z.string() }) } },
  },
  {
    ...{ method: 'get', path: '/docs', id: 'getDocumentation', scopes: [] },
    summary: 'Shows this document',
    answers: { 200: { description: 'A page', content: 'text/html' } },
  },
];
