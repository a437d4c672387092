import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientRequest, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/free-port.ts';
import { descendants } from '../../test/processes.ts';
import { authorizedFor } from '../../test/server.ts';

const script = fileURLToPath(new URL('serve.ts', import.meta.url));

/** An answer, or that none came. */
export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/**
 * The whole local server on a state of its own, for tests that kill it: nothing is told it beforehand, no signal that
 * it could answer, to any of its processes.
 */
export class MortalServer {
  readonly #state = mkdtempSync(join(tmpdir(), 'softmargin-kill-'));
  readonly #variables: readonly string[];
  #child: ChildProcess | undefined;
  #url = '';
  kills = 0;

  /** @param variables of the service, as NAME:value. */
  constructor(...variables: string[]) {
    this.#variables = variables.flatMap((variable) => ['--var', variable]);
  }

  async start(): Promise<void> {
    const port = await freePort();
    const options = ['--port', String(port), '--persist-to', this.#state, '--quiet', ...this.#variables];
    this.#child = spawn(process.execPath, [script, ...options], { stdio: ['ignore', 'ignore', 'ignore'] });
    this.#url = `http://127.0.0.1:${port}`;
    for (let attempt = 0; attempt < 1200; attempt++) {
      const healthy = await fetch(`${this.#url}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (healthy) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('The server did not start.');
  }

  /** Kills every process of the server, and starts it again on the same state. */
  async killAndStart(): Promise<void> {
    this.kills++;
    await this.#kill();
    await this.start();
  }

  async remove(): Promise<void> {
    if (this.#child?.exitCode === null) await this.#kill();
    rmSync(this.#state, { recursive: true, force: true });
  }

  async #kill(): Promise<void> {
    const child = this.#child as ChildProcess;
    const ended = once(child, 'exit');
    const root = child.pid as number;
    for (const pid of [root, ...descendants(root)]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended with its parent.
      }
    }
    await ended;
  }

  async ask<T>(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { ...authorizedFor(this.#state), ...headers },
      ...(body !== undefined && { body }),
    });
    return { status: response.status, body: (await response.json()) as T };
  }

  askJson<T>(
    method: string,
    path: string,
    value: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const type = { 'Content-Type': 'application/json' };
    return this.ask(method, path, JSON.stringify(value), { ...type, ...headers });
  }

  async text(path: string): Promise<string> {
    return (await fetch(this.#url + path, { headers: authorizedFor(this.#state) })).text();
  }

  /** Kills the server when it has a part of a body, and starts it again. @returns whether it had answered. */
  async dieOverBody(method: string, path: string, body: Uint8Array): Promise<boolean> {
    return this.#dieOver(method, path, { 'Content-Length': body.length }, async (sending) => {
      await new Promise<void>((resolve) =>
        sending.write(body.subarray(0, body.length >> 1), () => resolve()),
      );
    });
  }

  /** Kills the server some milliseconds after it has a request, and starts it again. @returns whether it had answered. */
  async dieOverRequest(
    milliseconds: number,
    method: string,
    path: string,
    body: string,
    headers: Record<string, string> = {},
  ): Promise<boolean> {
    const length = { 'Content-Length': Buffer.byteLength(body), 'Content-Type': 'application/json' };
    return this.#dieOver(
      method,
      path,
      { ...length, ...headers },
      async (sending) => {
        await new Promise<void>((resolve) => sending.end(body, () => resolve()));
      },
      milliseconds,
    );
  }

  async #dieOver(
    method: string,
    path: string,
    headers: Record<string, string | number>,
    send: (sending: ClientRequest) => Promise<void>,
    milliseconds = 100,
  ): Promise<boolean> {
    let answered = false;
    const sending = request(this.#url + path, {
      method,
      headers: { ...authorizedFor(this.#state), ...headers },
    });
    sending.on('response', () => {
      answered = true;
    });
    // It is cut off.
    sending.on('error', () => undefined);
    await send(sending);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    await this.killAndStart();
    sending.destroy();
    return answered;
  }
}
