import { expect, expectTypeOf, test } from 'vitest';
import type * as z from 'zod';
import type { ruleSchema } from '../evaluation/order.ts';
import * as server from '../openapi/answers.ts';
import { evaluationRequestSchema } from '../routes/evaluations.ts';
import { keyRequestSchema } from '../routes/keys.ts';
import { embeddingsUploadSchema, picturesUploadSchema } from '../routes/set-uploads.ts';
import * as client from './answers.ts';
import type { EvaluationRequest, KeyRequest } from './client.ts';

/**
 * The client has its own types, so that it runs where the service's do not mean anything. These hold the two together:
 * a change of the one that the other does not follow is no longer compiled.
 */
test('what the service answers is what the client reads', () => {
  expectTypeOf<z.infer<typeof server.healthSchema>>().toExtend<client.Health>();
  expectTypeOf<z.infer<typeof server.modelSchema>>().toExtend<client.Model>();
  expectTypeOf<z.infer<typeof server.modelWithManifestSchema>>().toExtend<client.ModelWithManifest>();
  expectTypeOf<z.infer<typeof server.embeddingsSchema>>().toExtend<z.infer<typeof client.embeddingsSchema>>();
  expectTypeOf<z.infer<typeof server.setSchema>>().toExtend<client.StoredSet>();
  expectTypeOf<z.infer<typeof server.storedSetSchema>>().toExtend<client.PutSet>();
  expectTypeOf<z.infer<typeof server.setsSchema>>().toExtend<z.infer<typeof client.setsSchema>>();
  expectTypeOf<z.infer<typeof server.uploadSchema>>().toExtend<client.Upload>();
  expectTypeOf<z.infer<typeof server.partSchema>>().toExtend<z.infer<typeof client.partSchema>>();
  expectTypeOf<z.infer<typeof server.picturesUploadSchema>>().toExtend<
    z.infer<typeof client.uploadBegunSchema>
  >();
  expectTypeOf<z.infer<typeof server.storedPicturePartSchema>>().toExtend<
    z.infer<typeof client.picturePartSchema>
  >();
  expectTypeOf<z.infer<typeof server.deletedSchema>>().toExtend<client.Deleted>();
  expectTypeOf<z.infer<typeof server.searchResultsSchema>>().toExtend<client.Search>();
  expectTypeOf<z.infer<typeof server.keySchema>>().toExtend<client.KeyDescription>();
  expectTypeOf<z.infer<typeof server.createdKeySchema>>().toExtend<client.NewKey>();
  type Described<E> = Omit<E, 'result' | 'protocol'>;
  expectTypeOf<Described<z.infer<typeof server.evaluationSchema>>>().toExtend<Described<client.Evaluation>>();
  expect(client.evaluationSchema.shape.state.options).toEqual(server.evaluationSchema.shape.state.options);
  expect(client.scopes).toEqual(server.keySchema.shape.scopes.element.options);
});

test('what the client sends is what the service takes', () => {
  type SentKey = Omit<KeyRequest, 'scopes'> & { scopes: KeyRequest['scopes'][number][] };
  expectTypeOf<SentKey>().toExtend<z.input<typeof keyRequestSchema>>();
  type Request = Omit<EvaluationRequest, 'query' | 'gallery' | 'model' | 'webhook'>;
  expectTypeOf<Request>().toExtend<z.input<typeof ruleSchema>>();
  expect(keyRequestSchema.safeParse({ name: 'ci', scopes: ['embed'] } satisfies KeyRequest).success).toBe(
    true,
  );
  const upload = { count: 5, dimension: 8 };
  expect(embeddingsUploadSchema.safeParse(upload).success).toBe(true);
  const pictures = { kind: 'pictures', count: 5, names: 'market1501' };
  expect(picturesUploadSchema.safeParse(pictures).success).toBe(true);
  const request = {
    query: 'q',
    gallery: 'g',
    model: 'mnist-wide',
    protocol: { drop: [{ sameIdentity: true, sameCamera: true }], distractors: [0] },
    distance: 'cosine',
    draws: { repeats: 3, seed: 1 },
    bootstrap: { resamples: 1000, seed: 1, confidence: 0.9 },
    verification: true,
    rerank: { k1: 5, k2: 2, lambda: 0.5 },
    topK: 5,
  } satisfies EvaluationRequest;
  const schema = evaluationRequestSchema({ loopback: false, hosts: undefined });
  expect(schema.safeParse(request).error).toBeUndefined();
});
