import { modelNameSchema } from '@softmargin/shared/bundle/manifest.ts';
import type { Hono } from 'hono';
import * as z from 'zod';
import { readBody } from '../body.ts';
import type { AppTypes } from '../environment.ts';
import { parseRequest } from '../errors.ts';
import { findModel, listModels, type ModelDescription, storeModel } from '../inference/models.ts';
import { scopes } from '../keys/key.ts';
import { MAX_MODEL_BYTES } from '../limits.ts';
import { addRoute, needs } from './route.ts';

const pathSchema = z.object({ model: modelNameSchema });

/** `/v1/models`: what can embed, in OpenAI's form with what a caller has to know about an embedding. */
export function addModelRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/models', {
    GET: needs(scopes, async (context) => {
      const models = await listModels(context.var.bindings);
      return context.json({ object: 'list', data: models.map(modelObject) });
    }),
  });

  addRoute(app, '/v1/models/:model', {
    GET: needs(scopes, async (context) => {
      const { model: name } = parseRequest(pathSchema, context.req.param());
      const model = await findModel(context.var.bindings, name);
      return context.json({ ...modelObject(model), manifest: model.manifest });
    }),
    PUT: needs('admin', async (context) => {
      const { model: name } = parseRequest(pathSchema, context.req.param());
      const bytes = await readBody(context.req.raw, MAX_MODEL_BYTES, 'A model bundle');
      const { model, created } = await storeModel(context.var.bindings, name, bytes);
      return context.json({ ...modelObject(model), manifest: model.manifest }, created ? 201 : 200, {
        Location: `/v1/models/${name}`,
      });
    }),
  });
}

function modelObject({ name, sha256, manifest, builtIn, createdAt }: ModelDescription) {
  return {
    id: name,
    object: 'model',
    created: Math.floor(createdAt.getTime() / 1000),
    owned_by: builtIn ? 'softmargin' : 'user',
    architecture: manifest.architecture,
    input: manifest.input,
    dimension: manifest.embedding.dimension,
    distance: manifest.embedding.distance,
    sha256,
    scores: manifest.scores,
  };
}
