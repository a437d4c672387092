import { Hono } from 'hono';
import { requestId } from 'hono/request-id';
import { access } from './access.ts';
import type { AppTypes } from './environment.ts';
import { ApiError, respondToError } from './errors.ts';
import { crossOrigin, securityHeaders } from './headers.ts';
import { rateLimit } from './keys/rate.ts';
import { observe } from './observation/observe.ts';
import { admission } from './requests-in-flight.ts';
import { addDocumentationRoutes } from './routes/documentation.ts';
import { addEmbeddingRoutes } from './routes/embeddings.ts';
import { addEvaluationRoutes } from './routes/evaluations.ts';
import { addEvaluationResultRoutes } from './routes/evaluations-results.ts';
import { addHealthRoute } from './routes/health.ts';
import { addKeyRoutes } from './routes/keys.ts';
import { addMetricsRoute } from './routes/metrics.ts';
import { addModelRoutes } from './routes/models.ts';
import { addSearchRoute } from './routes/search.ts';
import { addSetItemRoutes } from './routes/set-items.ts';
import { addSetUploadRoutes } from './routes/set-uploads.ts';
import { addSetRoutes } from './routes/sets.ts';

/** The service as one Hono app: what every request passes, then the routes. */
export function createApp(): Hono<AppTypes> {
  const app = new Hono<AppTypes>();
  app.onError(respondToError);
  app.notFound((context) =>
    respondToError(
      new ApiError(404, {
        message: `There is nothing at ${context.req.path}.`,
        code: 'unknown_path',
      }),
      context,
    ),
  );
  app.use(requestId());
  app.use(observe);
  app.use(securityHeaders);
  app.use(crossOrigin);
  for (const path of ['/v1/*', '/metrics']) app.use(path, access, rateLimit);
  app.use('/v1/*', admission);

  addHealthRoute(app);
  addDocumentationRoutes(app);
  addMetricsRoute(app);
  addKeyRoutes(app);
  addModelRoutes(app);
  addEmbeddingRoutes(app);
  addSetRoutes(app);
  addSetItemRoutes(app);
  addSetUploadRoutes(app);
  addSearchRoute(app);
  addEvaluationRoutes(app);
  addEvaluationResultRoutes(app);
  return app;
}
