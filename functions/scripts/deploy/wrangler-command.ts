import { spawn } from 'node:child_process';
import { root, wranglerEnvironment, wranglerProgram } from '../wrangler.ts';

/** How one call of wrangler ended. */
export interface WranglerResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs wrangler with some options. All that a deployment asks of Cloudflare goes through here. */
export type Wrangler = (...options: string[]) => Promise<WranglerResult>;

/** A call of wrangler that failed, with what it said of it. */
export class WranglerError extends Error {
  constructor(options: readonly string[], { code, stdout, stderr }: WranglerResult) {
    const said = [stdout, stderr].map((text) => text.trim()).filter((text) => text !== '');
    super([`wrangler ${options.join(' ')} failed (exit code ${code}).`, ...said].join('\n\n'));
  }
}

/** @param program a JavaScript file that Node runs; the installed wrangler where none is given. */
export function wranglerCommand(program = wranglerProgram): Wrangler {
  return (...options) =>
    new Promise((resolve, reject) => {
      // In this process group: whoever interrupts the deployment interrupts wrangler with it.
      const child = spawn(process.execPath, ['--no-warnings', program, ...options], {
        cwd: root,
        env: { ...process.env, ...wranglerEnvironment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (text) => (stdout += text));
      child.stderr.on('data', (text) => (stderr += text));
      child.once('error', reject);
      child.once('close', (code, signal) => {
        resolve({
          code: code ?? 1,
          stdout,
          stderr: signal === null ? stderr : `${stderr}\nEnded by ${signal}.`,
        });
      });
    });
}

/** Runs wrangler where only success will do. @returns what it printed. @throws {WranglerError} */
export async function succeed(wrangler: Wrangler, ...options: string[]): Promise<string> {
  const result = await wrangler(...options);
  if (result.code !== 0) throw new WranglerError(options, result);
  return result.stdout;
}
