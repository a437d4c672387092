import { join } from 'node:path';
import { root, startWrangler, stopWrangler } from '../../functions/scripts/wrangler.ts';
import { freePort } from '../free-port.ts';
import { processorSeconds } from './processor-time.ts';

/** A Worker of `functions/bench` in workerd. */
export interface BenchWorker {
  /**
   * Its answer to a request of JSON, the seconds until it was there as seen from outside, and those that the
   * server computed, where the system tells.
   */
  ask(body: object): Promise<{ seconds: number; processorSeconds: number | undefined; answer: unknown }>;
  stop(): Promise<void>;
}

/** Starts a script of `functions/bench` through wrangler. */
export async function startBenchWorker(script: string): Promise<BenchWorker> {
  const port = await freePort();
  const server = startWrangler(
    'dev',
    ...[join(root, 'functions/bench', script), '--config', join(root, 'functions/bench/wrangler.toml')],
    ...['--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'],
    ...['--show-interactive-dev-session', 'false', '--log-level', 'error'],
  );
  // It is in a process group of its own, which an interrupt of this one does not reach.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stopWrangler(server).then(() => process.exit(130)));
  }
  const printed: string[] = [];
  for (const stream of [server.stdout, server.stderr]) stream?.on('data', (text) => printed.push(`${text}`));
  const url = `http://127.0.0.1:${port}`;
  if (!(await isReady(url))) {
    await stopWrangler(server);
    throw new Error(`The bench Worker did not start.\n\n${printed.join('').trim()}`);
  }
  return {
    async ask(body) {
      const computed = processorSeconds(server.pid as number);
      const start = performance.now();
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
      const text = await response.text();
      const seconds = (performance.now() - start) / 1000;
      if (!response.ok) throw new Error(`${JSON.stringify(body)} in workerd: ${text}`);
      const now = processorSeconds(server.pid as number);
      return {
        seconds,
        processorSeconds: now === undefined || computed === undefined ? undefined : now - computed,
        answer: JSON.parse(text),
      };
    },
    stop: () => stopWrangler(server),
  };
}

async function isReady(url: string): Promise<boolean> {
  for (let attempt = 0; attempt < 300; attempt++) {
    try {
      if ((await fetch(url)).ok) return true;
    } catch {
      // Nobody listens there yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}
