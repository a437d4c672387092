import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { kernel } from '../kernel.ts';
import { startBenchWorker } from './bench-worker.ts';
import { EvaluationOperator, type EvaluationSize, type Operation, type RankOutcome } from './evaluation.ts';

/** Where operations run. */
export interface Runtime {
  readonly name: 'workerd' | 'node';
  /** Runs an operation; seconds of processor time where the system tells, else as seen from outside. */
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
      const start = process.cpuUsage();
      const outcome = await operator.operate(operation, size);
      const { user, system } = process.cpuUsage(start);
      return { seconds: (user + system) / 1e6, outcome: outcome ?? null };
    },
    stop: async () => {},
  };
}

/** workerd, through wrangler, with the backend that the Worker serves with. */
export async function startWorkerd(): Promise<Runtime> {
  const worker = await startBenchWorker('evaluation.ts');
  return {
    name: 'workerd',
    async run(operation, size) {
      const { seconds, processorSeconds, answer } = await worker.ask({ operation, size });
      return { seconds: processorSeconds ?? seconds, outcome: answer as RankOutcome | null };
    },
    stop: worker.stop,
  };
}
