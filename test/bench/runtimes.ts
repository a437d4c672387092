import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { root, startWrangler, stopWrangler } from '../../functions/scripts/wrangler.ts';
import { freePort } from '../free-port.ts';
import { kernel } from '../kernel.ts';
import { EvaluationOperator, type EvaluationSize, type Operation, type RankOutcome } from './evaluation.ts';

/** Where operations run. */
export interface Runtime {
  readonly name: 'workerd' | 'node';
  /** Runs an operation; seconds as seen from outside. */
  run(operation: Operation, size: EvaluationSize): Promise<{ seconds: number; outcome: RankOutcome | null }>;
  stop(): Promise<void>;
}

/** This Node, with tfjs's WASM backend as it comes. */
export async function startNode(): Promise<Runtime> {
  const { resolve } = createRequire(import.meta.url);
  setWasmPaths(dirname(resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  setThreadsCount(1);
  await tf.setBackend('wasm');
  if (tf.getBackend() !== 'wasm') throw new Error('TensorFlow.js did not start its WASM backend.');
  const operator = new EvaluationOperator(kernel);
  return {
    name: 'node',
    async run(operation, size) {
      const start = performance.now();
      const outcome = await operator.operate(operation, size);
      return { seconds: (performance.now() - start) / 1000, outcome: outcome ?? null };
    },
    stop: async () => {},
  };
}

/** workerd, through wrangler, with the backend that the Worker serves with. */
export async function startWorkerd(): Promise<Runtime> {
  const port = await freePort();
  const server = startWrangler(
    'dev',
    ...['--config', join(root, 'functions/bench/wrangler.toml')],
    ...['--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'],
    ...['--show-interactive-dev-session', 'false', '--log-level', 'error'],
  );
  // It is in a process group of its own, which an interrupt of this one does not reach.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stopWrangler(server).then(() => process.exit(130)));
  }
  const printed: string[] = [];
  for (const stream of [server.stdout, server.stderr]) stream?.on('data', (text) => printed.push(`${text}`));
  const url = `http://127.0.0.1:${port}`;
  if (!(await isReady(url))) {
    await stopWrangler(server);
    throw new Error(`The bench Worker did not start.\n\n${printed.join('').trim()}`);
  }
  return {
    name: 'workerd',
    async run(operation, size) {
      const start = performance.now();
      const response = await fetch(url, { method: 'POST', body: JSON.stringify({ operation, size }) });
      const text = await response.text();
      const seconds = (performance.now() - start) / 1000;
      if (!response.ok) throw new Error(`${operation} in workerd: ${text}`);
      return { seconds, outcome: JSON.parse(text) as RankOutcome | null };
    },
    stop: () => stopWrangler(server),
  };
}

async function isReady(url: string): Promise<boolean> {
  for (let attempt = 0; attempt < 300; attempt++) {
    try {
      if ((await fetch(url)).ok) return true;
    } catch {
      // Nobody listens there yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}
