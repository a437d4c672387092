import type { Hono } from 'hono';
import type { AppTypes } from '../environment.ts';
import { startBackend } from '../inference/backend.ts';
import { parsePictureText } from '../inference/base64.ts';
import { DEFAULT_MODEL } from '../inference/built-in-names.ts';
import { embedPictures } from '../inference/embed.ts';
import { useBuiltIn } from '../inference/models.ts';
import { SAMPLE_PICTURE } from '../inference/sample.ts';
import { addRoute, open } from './route.ts';

/** `GET /health`: "ok" after a picture really was decoded and embedded here. Open to everybody. */
export function addHealthRoute(app: Hono<AppTypes>): void {
  addRoute(app, '/health', {
    GET: open(async (context) => {
      const { name, simd } = await startBackend();
      const { results } = await useBuiltIn(DEFAULT_MODEL, (model) =>
        embedPictures(model, [parsePictureText(SAMPLE_PICTURE)]),
      );
      const [embedding] = results;
      if (!(embedding instanceof Float32Array) || !embedding.every(Number.isFinite)) {
        throw new Error(`The built-in picture gave no embedding: ${embedding}`);
      }
      return context.json({ status: 'ok', backend: name, simd });
    }),
  });
}
