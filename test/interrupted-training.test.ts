import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '@softmargin/shared/random.ts';
import { readCheckpoint } from '@softmargin/training/loop/checkpoint.ts';
import { readRunLog } from '@softmargin/training/loop/run-log.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLI, runCli } from './command-line.ts';

const root = mkdtempSync(join(tmpdir(), 'softmargin-interrupted-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const STEPS = 40;
const KILLS = 5;

/** Small steps, a checkpoint every few of them, and all that a checkpoint has to carry. */
const options = [
  ...['--steps', `${STEPS}`, '--checkpoint-every', '3', '--loading-threads', '1'],
  ...['--set', 'sampler={"kind":"pk","identities":4,"pictures":2}'],
  ...['--set', 'optimiser={"name":"adamw","learningRate":0.004,"classWeightFactor":10}'],
  ...['--set', 'losses=[{"name":"softmax"},{"name":"center"},{"name":"soft-margin"}]'],
  ...['--set', 'weightAverage=0.9', '--set', 'gradientNormLimit=2'],
];

function startTraining(directory: string) {
  const child = spawn(
    process.execPath,
    [CLI, 'train', 'mnist-wide', ...options, '--resume', '-o', directory],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += text;
    });
  }
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal, output }));
  return { child, ended };
}

async function trainToTheEnd(directory: string): Promise<void> {
  const { code, output } = await startTraining(directory).ended;
  expect(code, output).toBe(0);
}

/** Waits until a run logs steps of its own. */
async function firstSteps(directory: string, isOver: () => boolean): Promise<void> {
  const log = join(directory, 'log.jsonl');
  const size = () => (existsSync(log) ? statSync(log).size : 0);
  // A run that is resumed cuts the log first: only what it grows by counts.
  for (let before = size(); !isOver(); ) {
    await sleep(5);
    const now = size();
    if (now > before) return;
    before = now;
  }
}

const whole = join(root, 'whole');
beforeAll(() => trainToTheEnd(whole), 240_000);

/** The files whose bits tell the runs apart, and the steps in the log. */
async function outcome(directory: string) {
  const { steps } = await readRunLog(join(directory, 'log.jsonl'));
  return {
    checkpoint: readFileSync(join(directory, 'checkpoint.safetensors')),
    bundle: readFileSync(join(directory, 'bundle.safetensors')),
    losses: steps.map(({ step, loss, parts, gradientNorm }) => ({ step, loss, parts, gradientNorm })),
  };
}

test('killed at any moment and resumed, a run ends with the bits of one that was never interrupted', async () => {
  const directory = join(root, 'killed');
  const random = createRandom(11);
  const killedAt: number[] = [];
  for (let attempt = 0; attempt < KILLS; attempt++) {
    const { child, ended } = startTraining(directory);
    let over = false;
    void ended.then(() => {
      over = true;
    });
    // The first is killed as it starts up, before it has a checkpoint.
    if (attempt === 0) await sleep(300 * random.uniform());
    else await firstSteps(directory, () => over);
    await sleep(250 * random.uniform());
    child.kill('SIGKILL');
    const { signal, output } = await ended;
    if (signal !== 'SIGKILL') {
      expect(output).toContain('bundle.safetensors');
      break;
    }
    killedAt.push((await readRunLog(join(directory, 'log.jsonl'))).steps.length);
  }
  expect(killedAt.length).toBeGreaterThanOrEqual(3);
  await trainToTheEnd(directory);

  const expected = await outcome(whole);
  const found = await outcome(directory);
  expect(found.losses.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
  expect(found.losses).toEqual(expected.losses);
  expect(found.checkpoint.equals(expected.checkpoint), `checkpoint, killed at steps ${killedAt}`).toBe(true);
  expect(found.bundle.equals(expected.bundle), 'bundle').toBe(true);
}, 600_000);

test('Ctrl-C stops after the step, with a checkpoint of it; resumed by it alone, all ends as it would have', async () => {
  const directory = join(root, 'stopped');
  const { child, ended } = startTraining(directory);
  await firstSteps(directory, () => child.exitCode !== null);
  child.kill('SIGINT');
  const { code, output } = await ended;
  expect(code, output).toBe(130);
  expect(output).toContain(`go on with: softmargin resume ${directory}`);
  const { trainer } = await readCheckpoint(join(directory, 'checkpoint.safetensors'));
  const { steps } = await readRunLog(join(directory, 'log.jsonl'));
  expect(trainer.step).toBe(steps.length);
  expect(trainer.step).toBeLessThan(STEPS);
  expect(readdirSync(directory).filter((name) => name.endsWith('.unfinished'))).toEqual([]);

  // What stopped it half way can be taken as it is.
  const early = join(root, 'early.safetensors');
  const exported = await runCli(['export', directory, '-o', early, '--no-scores', '--backend', 'wasm']);
  expect(exported.code, exported.err).toBe(0);
  expect(exported.out).toContain(`the weights of step ${trainer.step}`);

  const resumed = await runCli(['resume', directory, '--loading-threads', '1', '--json']);
  expect(resumed.code, resumed.err).toBe(0);
  const found = await outcome(directory);
  const expected = await outcome(whole);
  expect(JSON.parse(resumed.out)).toMatchObject({ step: STEPS, steps: STEPS });
  expect(found.checkpoint.equals(expected.checkpoint)).toBe(true);
  expect(found.bundle.equals(expected.bundle)).toBe(true);

  const again = join(root, 'again.safetensors');
  expect((await runCli(['export', directory, '-o', again])).code).toBe(0);
  expect(readFileSync(again).equals(expected.bundle)).toBe(true);
  expect(readFileSync(early).equals(expected.bundle)).toBe(false);
}, 240_000);
