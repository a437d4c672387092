import { parentPort, workerData } from 'node:worker_threads';
import { BatchPreparation, type BatchSettings, type PreparedBatch } from './prepare-batch.ts';
import type { Answer } from './worker-pool.ts';

/** A batch to make. */
export interface BatchTask {
  readonly step: number;
  readonly items: Int32Array;
}

if (parentPort === null) throw new Error('batch-worker.ts runs in a worker thread.');
const port = parentPort;
const preparation = new BatchPreparation(workerData as BatchSettings);

port.on('message', async ({ number, task }: { number: number; task: BatchTask }) => {
  let answer: Answer<PreparedBatch>;
  try {
    answer = { task: number, result: await preparation.prepare(task.step, task.items) };
  } catch (error) {
    answer = { task: number, error: `Batch ${task.step}: ${(error as Error).stack}` };
  }
  port.postMessage(answer, 'result' in answer ? [answer.result.images.buffer] : []);
});
