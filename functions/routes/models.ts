import { modelNameSchema } from '@softmargin/shared/bundle/manifest.ts';
import type { Hono } from 'hono';
import * as z from 'zod';
import { withBody } from '../body.ts';
import type { AppTypes } from '../environment.ts';
import { parseRequest } from '../errors.ts';
import {
  defaultModel,
  findModel,
  listModels,
  listVersions,
  type ModelDescription,
  setDefaultModel,
} from '../inference/model-catalogue.ts';
import { modelReferenceSchema } from '../inference/model-reference.ts';
import { removeModel, storeModel } from '../inference/models.ts';
import { scopes } from '../keys/key.ts';
import {
  MAX_BATCH,
  MAX_EMBEDDINGS_BODY_BYTES,
  MAX_MODEL_BYTES,
  MAX_PICTURE_BYTES,
  MAX_PIXELS,
} from '../limits.ts';
import { addRoute, needs } from './route.ts';

const nameSchema = z.object({ model: modelNameSchema });
const referenceSchema = z.object({ model: modelReferenceSchema });

/** `/v1/models`: what can embed, in OpenAI's form with what a caller has to know about an embedding. */
export function addModelRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/models', {
    GET: needs(scopes, async (context) => {
      const { bindings } = context.var;
      const [models, chosen] = await Promise.all([listModels(bindings), defaultModel(bindings)]);
      return context.json({ object: 'list', data: models.map((model) => modelObject(model, chosen)) });
    }),
  });

  addRoute(app, '/v1/models/:model', {
    GET: needs(scopes, async (context) => {
      const { bindings } = context.var;
      const { model: reference } = parseRequest(referenceSchema, context.req.param());
      const model = await findModel(bindings, reference);
      const versions = await listVersions(bindings, model.name);
      return context.json({
        ...modelObject(model, await defaultModel(bindings)),
        manifest: model.manifest,
        versions: versions.map(({ version, sha256, createdAt }) => ({
          ...{ version, sha256, created: seconds(createdAt) },
        })),
      });
    }),
    PUT: needs('admin', async (context) => {
      const { bindings } = context.var;
      const { model: name } = parseRequest(nameSchema, context.req.param());
      const { raw } = context.req;
      const announced = Number(raw.headers.get('Content-Length') ?? MAX_MODEL_BYTES);
      const { model, created } = await withBody(raw, MAX_MODEL_BYTES, 'A model bundle', (body) =>
        storeModel(bindings, name, body, Math.min(announced, MAX_MODEL_BYTES)),
      );
      return context.json(
        { ...modelObject(model, await defaultModel(bindings)), manifest: model.manifest },
        created ? 201 : 200,
        { Location: `/v1/models/${name}` },
      );
    }),
    DELETE: needs('admin', async (context) => {
      const { model } = context.req.param();
      const { model: reference } = parseRequest(referenceSchema, { model });
      await removeModel(context.var.bindings, reference);
      return context.json({ id: model, object: 'model', deleted: true });
    }),
  });

  addRoute(app, '/v1/models/:model/default', {
    PUT: needs('admin', async (context) => {
      const { bindings } = context.var;
      const { model: name } = parseRequest(nameSchema, context.req.param());
      const model = await findModel(bindings, { name });
      await setDefaultModel(bindings, name);
      return context.json(modelObject(model, name));
    }),
  });
}

function modelObject(model: ModelDescription, chosen: string) {
  const { name, version, sha256, bytes, manifest, builtIn, createdAt } = model;
  const { architecture, input, preprocessing, embedding, weights, scores } = manifest;
  return {
    id: name,
    object: 'model',
    created: seconds(createdAt),
    owned_by: builtIn ? 'softmargin' : 'user',
    default: name === chosen,
    ...{ version, sha256, bytes, architecture, input, preprocessing },
    dimension: embedding.dimension,
    distance: embedding.distance,
    flip: embedding.flip ?? false,
    truncatable: embedding.truncatable ?? false,
    weights: weights ?? { type: 'f32', serving: 'resident' },
    scores,
    limits: {
      pictures: MAX_BATCH,
      pictureBytes: MAX_PICTURE_BYTES,
      pixels: MAX_PIXELS,
      bodyBytes: MAX_EMBEDDINGS_BODY_BYTES,
    },
  };
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
