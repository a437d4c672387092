import { parentPort, Worker, workerData } from 'node:worker_threads';
import * as z from 'zod';
import { startWasmBackend } from '../backend/wasm.ts';
import { digitsSplit, loadDigits } from '../datasets/digits.ts';
import { describe } from '../export/describe.ts';
import { exportBundle } from '../export/export-bundle.ts';
import { train } from '../loop/train.ts';
import { mnistToy } from '../recipes/mnist-toy.ts';
import { type Recipe, recipeSchema } from '../recipes/recipe.ts';

const taskSchema = z.object({
  recipe: recipeSchema,
  digits: z.string().optional(),
  directory: z.string(),
});

const messageSchema = z.union([
  z.object({ step: z.number(), loss: z.number() }),
  z.object({ bundle: z.instanceof(Uint8Array) }),
]);

/**
 * Trains the 2-d network of the figure on a thread of its own: the wasm backend computes on one core, and
 * machines have at least two.
 *
 * @returns its bundle.
 */
export function trainToy(
  task: { readonly steps: number; readonly digits: string | undefined; readonly directory: string },
  onStep: (step: number, loss: number) => void,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const recipe: Recipe = { ...mnistToy, steps: task.steps };
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...task, recipe } });
  const stop = () => void worker.terminate();
  signal.addEventListener('abort', stop);
  return new Promise<Uint8Array>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`The thread of the 2-d network ended (${code}).`)));
    worker.on('message', (value) => {
      const message = messageSchema.parse(value);
      if ('bundle' in message) resolve(message.bundle);
      else onStep(message.step, message.loss);
    });
  }).finally(() => signal.removeEventListener('abort', stop));
}

if (parentPort !== null) {
  const port = parentPort;
  const task = taskSchema.parse(workerData);
  await startWasmBackend();
  const split = digitsSplit(await loadDigits(task.digits));
  const manifest = describe(task.recipe.model, task.recipe, split);
  const { parameters } = await train({
    recipe: task.recipe,
    split,
    manifest,
    directory: task.directory,
    resume: false,
    checkpointEvery: task.recipe.steps,
    onStep: ({ step, loss }) => port.postMessage({ step, loss }),
  });
  const { bytes } = await exportBundle(manifest, parameters, split.test);
  port.postMessage({ bundle: bytes });
}
