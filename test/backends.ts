import * as tf from '@tensorflow/tfjs';
import { startWasmBackend } from '../training/backend/wasm.ts';

/** The backends that training runs on; importing tfjs as a whole registers its gradients. */
export const backends = ['cpu', 'wasm'] as const;

// Without it tfjs prints an advertisement in every test file.
tf.env().set('PROD', true);

/** Makes a backend the current one, and fails where tfjs would quietly fall back to another. */
export async function startBackend(name: (typeof backends)[number]): Promise<void> {
  if (name === 'wasm') await startWasmBackend();
  await tf.setBackend(name);
  await tf.ready();
  if (tf.getBackend() !== name) throw new Error(`The backend is ${tf.getBackend()}, not ${name}.`);
}
