import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig, defineProject } from 'vitest/config';
import * as z from 'zod';
import { answerDecoderImages } from './functions/test/decoder-images.ts';

/** The Worker, in the runtime that it is deployed to. */
const workerd = defineProject(async () => ({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: {
        serviceBindings: { DECODER_IMAGES: answerDecoderImages },
        bindings: {
          PICTURE_ORIGINS: 'https://images.test, https://*.cdn.test',
          ...(process.env.MALFORMED_REQUESTS !== undefined && {
            MALFORMED_REQUESTS: process.env.MALFORMED_REQUESTS,
          }),
          ...(process.env.MALFORMED_SEED !== undefined && { MALFORMED_SEED: process.env.MALFORMED_SEED }),
          LOG_REQUESTS: 'off',
          METRICS_FLUSH_MS: '0',
          API_KEY: 'the-key-of-the-tests',
          MIGRATIONS: await readD1Migrations('./functions/migrations'),
        },
        ratelimits: {
          REQUESTS: { namespace_id: 'all', simple: { limit: 10_000_000, period: 60 } },
          FEW_REQUESTS: { namespace_id: 'few', simple: { limit: 3, period: 60 } },
        },
        // For the tests of the migrations themselves, which begin with nothing.
        d1Databases: { EMPTY: 'empty' },
      },
    }),
  ],
  test: {
    name: 'workerd',
    include: ['functions/**/*.test.ts'],
    exclude: ['functions/scripts/**'],
    globalSetup: ['./functions/test/pictures.setup.ts'],
    provide: {
      steadyRequests: z.coerce
        .number()
        .int()
        .positive()
        .parse(process.env.STEADY_REQUESTS ?? 2_000),
    },
    setupFiles: ['./functions/test/migrations.setup.ts', './functions/test/lazy-modules.setup.ts'],
    // Most take a fraction of a second; on a machine that does much else, many times that.
    testTimeout: 60_000,
    sequence: { groupOrder: 2 },
  },
}));

const node = defineProject({
  test: {
    name: 'node',
    include: ['shared/**/*.test.ts', 'training/**/*.test.ts'],
    // Some train for a few steps, beside others on the same cores.
    testTimeout: 60_000,
    sequence: { groupOrder: 1 },
  },
});

/** The whole path and the start script keep both cores busy; they run when nothing else does. */
const endToEnd = defineProject({
  test: {
    name: 'end-to-end',
    include: ['test/**/*.test.ts', 'functions/scripts/**/*.test.ts'],
    testTimeout: 60_000,
    sequence: { groupOrder: 3 },
  },
});

export default defineConfig({ test: { projects: [node, workerd, endToEnd] } });
