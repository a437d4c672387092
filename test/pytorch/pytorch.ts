import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseTensors } from '../../shared/bundle/safetensors.ts';
import { pythonWith } from '../python.ts';

const interpreter = pythonWith('torch', 'torchvision', 'PIL');

/** Whether there is a Python with PyTorch, torchvision and Pillow; without one, what compares with them is skipped. */
export const hasPyTorch = interpreter !== undefined;

/** Runs a script of this folder on some standard input. @returns what it printed. */
export function runScript(name: string, parameters: readonly string[], input = ''): string {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const { status, stdout, stderr } = spawnSync(interpreter as string, ['-B', script, ...parameters], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${name} failed: ${stderr}`);
  return stdout;
}

/** A tensor as a script left it. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The float32 tensors of a file that a script wrote. */
export function readTensors(path: string): Map<string, FloatTensor> {
  const { tensors } = parseTensors(readFileSync(path), ['F32']);
  return new Map(
    [...tensors].map(([name, { shape, bytes }]) => [
      name,
      { shape, data: new Float32Array(bytes.slice().buffer) },
    ]),
  );
}
