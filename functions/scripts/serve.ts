import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs, styleText } from 'node:util';
import { SAMPLE_PICTURE } from '../inference/sample.ts';
import { keepLocalKey, keyFileOf } from './local-key.ts';
import { root, startWrangler, stopWrangler } from './wrangler.ts';

const USAGE = `Usage: npm start -- [options]

Serves softmargin on this machine.

  --port <number>      Port to listen on (default 8787).
  --persist-to <dir>   Where models, sets and evaluations are kept (default .wrangler/state).
  --key <key>          The key that requests carry, from now on (default: one is made once and kept).
  --var <NAME:value>   A variable of functions/environment.ts, as SHARD_WORK:1000000; more than once for more.
  --quiet              Print errors only.
  --help               Print this.
`;

/** How long the server may take to answer for the first time. */
const START_TIMEOUT_MS = 60_000;

interface Options {
  readonly port: number;
  readonly persistTo: string;
  readonly key: string | undefined;
  /** As wrangler takes them: NAME:value. */
  readonly variables: readonly string[];
  readonly quiet: boolean;
}

class UsageError extends Error {}

function parseOptions(): Options | 'help' {
  let values: {
    port?: string;
    'persist-to'?: string;
    key?: string;
    var?: string[];
    quiet?: boolean;
    help?: boolean;
  };
  try {
    values = parseArgs({
      options: {
        port: { type: 'string' },
        'persist-to': { type: 'string' },
        key: { type: 'string' },
        var: { type: 'string', multiple: true },
        quiet: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help) return 'help';
  const { port = '8787', var: variables = [], quiet = false } = values;
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw new UsageError(`--port is "${port}", not a number from 1 to 65535.`);
  }
  for (const variable of variables) {
    if (!/^[A-Z_]+:./.test(variable)) throw new UsageError(`--var is "${variable}", not NAME:value.`);
  }
  if (values.key !== undefined && !/^[A-Za-z0-9._~-]{16,}$/.test(values.key)) {
    throw new UsageError(
      '--key has to be 16 or more letters, digits, dots, hyphens, underscores and tildes.',
    );
  }
  const persistTo =
    values['persist-to'] === undefined ? resolve(root, '.wrangler/state') : resolve(values['persist-to']);
  return { port: Number(port), persistTo, key: values.key, variables, quiet };
}

async function checkPortIsFree(port: number): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        new UsageError(
          taken
            ? `Port ${port} is in use. Choose another with --port.`
            : `Port ${port} cannot be listened on: ${error.message}.`,
        ),
      );
    });
    probe.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

/** Brings the local database up to date. Says nothing unless it fails. */
async function applyMigrations(persistTo: string): Promise<void> {
  const child = startWrangler('d1', 'migrations', 'apply', 'CATALOGUE', '--local', '--persist-to', persistTo);
  let output = '';
  child.stdout?.on('data', (text) => (output += text));
  child.stderr?.on('data', (text) => (output += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`The migrations of the local database failed.\n\n${output.trim()}`);
}

async function serve({ port, persistTo, key: given, variables, quiet }: Options): Promise<number> {
  await checkPortIsFree(port);
  await applyMigrations(persistTo);
  const key = keepLocalKey(persistTo, given);
  const url = `http://127.0.0.1:${port}`;
  const server = startWrangler(
    'dev',
    ...['--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'],
    ...['--persist-to', persistTo, '--env-file', keyFileOf(persistTo)],
    ...variables.flatMap((variable) => ['--var', variable]),
    ...['--show-interactive-dev-session', 'false', '--log-level', quiet ? 'error' : 'info'],
  );
  const ended = new Promise<number>((resolve) => {
    server.once('close', (code) => resolve(code ?? 1));
  });

  // Until the server answers, what wrangler prints is kept for the case that it does not.
  const startup: string[] = [];
  let ready = false;
  for (const stream of [server.stdout, server.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      if (!ready) startup.push(line);
      else printLine(line);
    });
  }

  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await stopWrangler(server);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  // A program that started this one over a channel is not outlived, however it ends.
  process.on('disconnect', stop);
  process.channel?.unref();

  const health = await Promise.race([waitForHealth(url), ended.then(() => undefined)]);
  if (stopping) return ended.then(() => 0);
  if (health === undefined) {
    await stop();
    throw new Error(`The server did not start.\n\n${startup.join('\n').trim()}`);
  }
  ready = true;
  if (!quiet) printBanner(url, health, key, persistTo);

  const code = await ended;
  if (stopping) return 0;
  // Whatever ended wrangler may have left the runtime behind.
  await stop();
  console.error(styleText('red', `The server ended unexpectedly (exit code ${code}).`));
  return 1;
}

interface Health {
  readonly backend: string;
}

/** The answer of `/health`, or `undefined` where none came in time. */
async function waitForHealth(url: string): Promise<Health | undefined> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    try {
      const response = await fetch(`${url}/health`);
      if (response.ok) return (await response.json()) as Health;
    } catch {
      // Nobody listens there yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return undefined;
}

function printBanner(url: string, { backend }: Health, key: string, persistTo: string): void {
  const dim = (text: string) => styleText('dim', text);
  console.log(`
  ${styleText('bold', 'softmargin')} is serving at ${styleText('cyan', url)}
  ${dim(`TensorFlow.js on ${backend} with SIMD; requests come from this machine only and carry this key`)}

  export SOFTMARGIN_KEY=${key}

  ${dim(`The console is at ${url} too, and asks for the key. Or by hand,`)}
  ${dim('embed a picture (this one is a drawing of the digit one):')}

  curl -s ${url}/v1/embeddings -H "Authorization: Bearer $SOFTMARGIN_KEY" \\
    -H 'Content-Type: application/json' \\
    -d '{"input": "${SAMPLE_PICTURE}"}'

  ${dim(`Models, sets, evaluations and the key (key.env) are kept in ${persistTo}`)}
  ${dim('Ctrl-C stops the server.')}
`);
}

/** A line of wrangler's, as it is worth reading here: requests and errors, without its marks. */
function printLine(line: string): void {
  const request = /^\[wrangler:info\] (\S+) (\S+) (\d{3}) .*\((\d+ms)\)$/.exec(stripColour(line));
  if (request !== null) {
    const [, method, path, status, time] = request;
    const colour = Number(status) >= 500 ? 'red' : Number(status) >= 400 ? 'yellow' : 'green';
    console.log(`  ${styleText(colour, status)}  ${method} ${path}  ${styleText('dim', time)}`);
  } else if (!/^\[wrangler:info\]|^⎔|^\{"level":"info","event":"request"/.test(stripColour(line))) {
    console.log(line);
  }
}

function stripColour(text: string): string {
  return text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '');
}

try {
  const options = parseOptions();
  if (options === 'help') console.log(USAGE);
  else process.exitCode = await serve(options);
} catch (error) {
  console.error(styleText('red', (error as Error).message));
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
