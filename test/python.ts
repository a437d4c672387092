import { spawnSync } from 'node:child_process';

/** Runs a Python script and gives what it wrote to its standard output. */
export function python(script: string, input: Uint8Array = new Uint8Array()): Uint8Array {
  const { status, stdout, stderr, error } = spawnSync('python3', ['-c', script], { input });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`Python failed: ${stderr}`);
  return Uint8Array.from(stdout);
}

/** Whether there is a Python that can import a module. */
export function hasPythonModule(name: string): boolean {
  return spawnSync('python3', ['-c', `import ${name}`]).status === 0;
}
