import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLocalKey } from '../functions/scripts/local-key.ts';
import { freePort } from './free-port.ts';

/** The server that `npm start` starts, on a state of its own. */
export interface Server {
  readonly url: string;
  /** The header of a request with its key. */
  readonly authorized: { readonly Authorization: string };
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** The header that the server with a state directory asks for, once it is there. */
export function authorizedFor(state: string): { readonly Authorization: string } {
  return { Authorization: `Bearer ${readLocalKey(state)}` };
}

/** Starts the server and waits until it answers. @param options as `npm start` takes them. */
export async function startServer(...options: string[]): Promise<Server> {
  const state = mkdtempSync(join(tmpdir(), 'softmargin-server-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    process.execPath,
    ['functions/scripts/serve.ts', '--port', String(port), '--persist-to', state, '--quiet', ...options],
    { stdio: 'ignore' },
  );
  const stop = async () => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'close');
    }
    rmSync(state, { recursive: true, force: true });
  };
  while (child.exitCode === null) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer?.ok) return { url, authorized: authorizedFor(state), child, stop };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`The server ended with code ${child.exitCode}.`);
}
