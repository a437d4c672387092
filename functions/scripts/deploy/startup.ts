import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { wranglerProgram } from '../wrangler.ts';
import type { Bundle } from './bundle.ts';
import type { Target } from './target.ts';

/** What it takes until a Worker can answer, in milliseconds of processor time. */
export interface Startup {
  /** Beyond what the runtime itself takes. */
  readonly cpuMs: number;
  /** The runtime itself, with a Worker of one line: a measure of this machine. */
  readonly runtimeCpuMs: number;
}

type Module = readonly [kind: 'esModule' | 'wasm' | 'text' | 'data', name: string, file: string];

// The one that wrangler itself runs.
const { default: workerd } = createRequire(wranglerProgram)('workerd') as { default: string };

const BARE = 'bare.mjs';

/**
 * Starts a bundle in workerd a few times and takes the least processor time: other work on a machine can only add
 * to it. It is that of the thread on which the script is parsed and run, as the system counts it; so a machine
 * that has no time for it changes nothing.
 *
 * @returns `undefined` where the system does not tell: it is read from Linux's /proc.
 */
export async function measureStartup(
  { folder, modules }: Bundle,
  target: Target,
  runs = 5,
): Promise<Startup | undefined> {
  if (process.platform !== 'linux') return undefined;
  const worker = join(folder, 'worker.capnp');
  const bare = join(folder, 'bare.capnp');
  const named = (file: string) => (file === modules[0] ? file : `./${file}`);
  writeFileSync(
    worker,
    configure(
      modules.map((file) => [kindOf(file), named(file), file]),
      target,
    ),
  );
  writeFileSync(join(folder, BARE), 'export default { fetch: () => new Response() };\n');
  writeFileSync(bare, configure([['esModule', BARE, BARE]], target));

  const times: { worker: number; bare: number }[] = [];
  for (let run = 0; run < runs; run++) times.push({ bare: await cpuMs(bare), worker: await cpuMs(worker) });
  const runtimeCpuMs = Math.min(...times.map((time) => time.bare));
  return { cpuMs: Math.min(...times.map((time) => time.worker)) - runtimeCpuMs, runtimeCpuMs };
}

function kindOf(file: string): Module[0] {
  if (extname(file) === '.wasm') return 'wasm';
  if (['.html', '.json'].includes(extname(file))) return 'text';
  return extname(file) === '.js' ? 'esModule' : 'data';
}

function configure(modules: readonly Module[], { compatibilityDate, compatibilityFlags }: Target): string {
  const text = JSON.stringify;
  const embedded = modules.map(
    ([kind, name, file]) => `(name = ${text(name)}, ${kind} = embed ${text(file)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "worker", worker = (
    modules = [${embedded.join(', ')}],
    compatibilityDate = ${text(compatibilityDate)},
    compatibilityFlags = [${compatibilityFlags.map((flag) => text(flag)).join(', ')}],
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", service = "worker")],
);
`;
}

/** Processor time of workerd's main thread when it begins to listen, which it does once the script has run. */
async function cpuMs(configuration: string): Promise<number> {
  const child = spawn(workerd, ['serve', configuration, '--control-fd=3'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr?.on('data', (text) => (complaint += text));
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdio[3]?.once('data', () => resolve());
      child.once('error', reject);
      child.once('exit', (code) => {
        reject(new Error(`The Worker does not start in workerd (exit code ${code}).\n\n${complaint.trim()}`));
      });
    });
    const [nanoseconds] = readFileSync(`/proc/${child.pid}/task/${child.pid}/schedstat`, 'utf8').split(' ');
    return Number(nanoseconds) / 1e6;
  } finally {
    child.kill('SIGKILL');
  }
}
