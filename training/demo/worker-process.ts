import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const START_LIMIT_MS = 60_000;

/** The Worker running in workerd on this machine, on loopback, with its state in a directory. */
export interface WorkerProcess {
  readonly url: string;
  /** What requests carry. */
  readonly key: string;
  /** Stops it and everything it started. */
  stop(): Promise<void>;
}

/** Starts the Worker and waits until it is healthy. @throws {Error} with what it printed if it does not start. */
export async function startWorker(stateDirectory: string): Promise<WorkerProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    process.execPath,
    ['functions/scripts/serve.ts', '--port', String(port), '--persist-to', stateDirectory, '--quiet'],
    // The channel closes with this process, however that ends, and then the server stops too.
    { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  );
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      printed = (printed + chunk).slice(-10_000);
    });
  }
  const stop = () => stopProcess(child);
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await isHealthy(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`The Worker did not start. It printed:\n${printed}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url, key: readKey(stateDirectory), stop };
}

/** The key that the server keeps with its state. */
function readKey(stateDirectory: string): string {
  const { API_KEY } = parseEnv(readFileSync(join(stateDirectory, 'key.env'), 'utf8'));
  if (API_KEY === undefined) throw new Error(`There is no key in ${stateDirectory}.`);
  return API_KEY;
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port could be had on loopback.');
  return address.port;
}
