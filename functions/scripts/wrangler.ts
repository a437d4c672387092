import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The repository's root, where wrangler.toml is. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The program itself: the launcher in node_modules/.bin adds a process and a check of the Node version. */
export const wranglerProgram = createRequire(import.meta.url).resolve('wrangler');

/** Keeps wrangler from asking, from looking for updates and from fetching what a local server needs not. */
export const wranglerEnvironment = {
  CI: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
};

/**
 * Starts the installed wrangler in a process group of its own, so that a signal to the group reaches what it
 * starts in its turn.
 */
export function startWrangler(...options: string[]): ChildProcess {
  return spawn(process.execPath, ['--no-warnings', wranglerProgram, ...options], {
    cwd: root,
    env: { ...process.env, ...wranglerEnvironment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

/** Ends wrangler and everything it started: politely, and after `patience` milliseconds for certain. */
export async function stopWrangler(child: ChildProcess, patience = 5_000): Promise<void> {
  const signalGroup = (signal: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-(child.pid as number), signal);
    } catch {
      return false;
    }
  };
  const deadline = Date.now() + patience;
  signalGroup('SIGTERM');
  while (signalGroup(0)) {
    if (Date.now() > deadline) signalGroup('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
