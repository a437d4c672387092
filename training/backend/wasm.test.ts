import * as tf from '@tensorflow/tfjs';
import { afterEach, expect, test, vi } from 'vitest';
import { startWasmBackend } from './wasm.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('starts once, comes back after another backend, and says nothing', async () => {
  const prints = (['log', 'info', 'warn', 'error'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation(() => {}),
  );
  await startWasmBackend();
  const backend = tf.backend();
  await tf.setBackend('cpu');
  await startWasmBackend();
  expect(tf.getBackend()).toBe('wasm');
  expect(tf.backend()).toBe(backend);
  for (const print of prints) expect(print).not.toHaveBeenCalled();
});

test('leaves no listener for uncaught errors behind', async () => {
  await startWasmBackend();
  const ours = (event: string) => process.listeners(event as 'uncaughtException').map(String);
  expect([...ours('uncaughtException'), ...ours('unhandledRejection')].join()).not.toContain('ExitStatus');
  expect(ours('unhandledRejection').join()).not.toMatch(/\{\s*throw reason/);
});
