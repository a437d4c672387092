import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const CLI = fileURLToPath(new URL('../training/softmargin.mjs', import.meta.url));

/** What a process of the command line left. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly ended: Promise<Ended>;
  /** Waits until something is on standard error. */
  saying(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export interface Surroundings {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts the command line as a user does: in a process of its own, without the configuration of whoever tests. */
export function startCli(parameters: readonly string[], { cwd, environment }: Surroundings = {}): Running {
  const child = spawn(process.execPath, [CLI, ...parameters], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: '/nonexistent', SOFTMARGIN_URL: '', SOFTMARGIN_KEY: '', ...environment },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  const ended = once(child, 'close').then(([code]) => ({ code, out, err }));
  return {
    ended,
    async saying(text) {
      while (!err.includes(text)) {
        await Promise.race([once(child.stderr, 'data'), ended]);
        if (child.exitCode !== null && !err.includes(text))
          throw new Error(`It never said "${text}": ${err}`);
      }
    },
    kill: (signal) => child.kill(signal),
  };
}

/** Runs the command line to its end. */
export function runCli(parameters: readonly string[], surroundings?: Surroundings): Promise<Ended> {
  return startCli(parameters, surroundings).ended;
}
