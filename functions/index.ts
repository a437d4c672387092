import { createApp } from './app.ts';
import type { Bindings } from './environment.ts';
import { consumeShards } from './evaluation/shard.ts';

export { Evaluation } from './evaluation/evaluation.ts';

const app = createApp();

export default {
  fetch: app.fetch,
  queue: consumeShards,
} satisfies ExportedHandler<Bindings>;
