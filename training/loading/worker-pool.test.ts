import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { WorkerPool } from './worker-pool.ts';

const directory = mkdtempSync(join(tmpdir(), 'softmargin-pool-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A thread that squares numbers after waiting; it fails at −1, ends at −2 and throws out of turn at −3. */
const squaring = join(directory, 'squaring.mjs');
writeFileSync(
  squaring,
  `import { parentPort, workerData } from 'node:worker_threads';
  parentPort.on('message', async ({ number, task }) => {
    if (task === -2) process.exit(3);
    if (task === -3) throw new Error('out of turn');
    await new Promise((resolve) => setTimeout(resolve, workerData));
    parentPort.postMessage(task === -1 ? { task: number, error: 'no root' } : { task: number, result: task ** 2 });
  });`,
);
const open = (size: number, delay = 0) =>
  new WorkerPool<number, number>(pathToFileURL(squaring), size, delay);

test('each task gets its own result', async () => {
  const pool = open(3, 2);
  const tasks = Array.from({ length: 40 }, (_, i) => i);
  pool.hold(true);
  expect(await Promise.all(tasks.map((task) => pool.run(task)))).toEqual(tasks.map((task) => task ** 2));
  await pool.close();
});

test('a task that fails is its own failure only', async () => {
  const pool = open(1);
  const results = await Promise.allSettled([pool.run(2), pool.run(-1), pool.run(3)]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  await expect(pool.run(-1)).rejects.toThrow('no root');
  await pool.close();
});

test.each([
  [-2, /A loading thread ended \(exit code 3\)/],
  [-3, /out of turn/],
])('a thread that dies fails what waits and what comes', async (poison, message) => {
  const pool = open(1);
  const [dying, behind] = [pool.run(poison), pool.run(5)];
  await expect(dying).rejects.toThrow(message);
  await expect(behind).rejects.toThrow(message);
  await expect(pool.run(5)).rejects.toThrow(message);
  await pool.close();
});

test('what waits is rejected when the pool is closed', async () => {
  const pool = open(1, 10_000);
  const waiting = [
    expect(pool.run(1)).rejects.toThrow('closed'),
    expect(pool.run(2)).rejects.toThrow('closed'),
  ];
  await pool.close();
  await Promise.all(waiting);
});

/** A program that opens a loader of 2 threads, and does what the rest of it says. */
async function program(rest: string, signal?: NodeJS.Signals) {
  const file = join(directory, 'program.mjs');
  const from = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  writeFileSync(
    file,
    `import { BatchLoader } from ${from('./batch-loader.ts')};
    import { UniformSampler } from ${from('../sampling/uniform-sampler.ts')};
    const labels = new Int32Array(4);
    const dataset = { name: 'black', count: 4, height: 256, width: 128, channels: 3,
      pixels: new Uint8Array(4 * 256 * 128 * 3), identities: labels, cameras: labels };
    const preprocessing = { resize: 'bilinear-antialiased', invert: 'never', mean: [0, 0, 0], deviation: [1, 1, 1] };
    const rule = { input: { height: 256, width: 128, channels: 3 }, preprocessing };
    const loader = new BatchLoader({ dataset, rule, seed: 1, sampler: new UniformSampler(4, 4, 1), workers: 2 });
    await loader.next();
    console.log('ready');
    ${rest}`,
  );
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
      if (signal && output.includes('ready')) child.kill(signal);
    });
  }
  const [code, killed] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on('close', (...ending) => resolve(ending));
  });
  return { code, killed, output };
}

test('threads do not keep a process alive that is done, even one that forgot to close', async () => {
  expect(await program('')).toEqual({ code: 0, killed: null, output: 'ready\n' });
  expect(await program('await loader.close();')).toEqual({ code: 0, killed: null, output: 'ready\n' });
});

test('an error of the loop ends the process with that error', async () => {
  const { code, output } = await program("throw new Error('The loss is NaN.');");
  expect(code).toBe(1);
  expect(output).toContain('The loss is NaN.');
});

test('an interrupt ends threads and process', async () => {
  const { killed } = await program('for (;;) await loader.next();', 'SIGINT');
  expect(killed).toBe('SIGINT');
});
