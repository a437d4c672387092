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

/**
 * A Python that can import all these modules: the one that `SOFTMARGIN_PYTHON` names, the first on the path, or the
 * system's, which has the packages of its distribution.
 */
export function pythonWith(...modules: readonly string[]): string | undefined {
  const named = process.env.SOFTMARGIN_PYTHON;
  const candidates = named ? [named] : ['python3', '/usr/bin/python3'];
  return candidates.find(
    (candidate) => spawnSync(candidate, ['-c', `import ${modules.join(', ')}`]).status === 0,
  );
}
