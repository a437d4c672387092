import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { USUAL_SPEEDS } from '../limits.ts';
import { readSpeeds, recordSpeeds, shardCapacity } from './speeds.ts';

test('the usual speeds until some are measured; then a running mean within bounds', async () => {
  expect(await readSpeeds(env)).toEqual({
    kernel: { multiplyAddsPerSecond: USUAL_SPEEDS.kernel, measured: false },
    rows: { multiplyAddsPerSecond: USUAL_SPEEDS.rows, measured: false },
  });
  const kernel = async () => (await readSpeeds(env)).kernel;
  const measure = (multiplyAdds: number, milliseconds: number) =>
    recordSpeeds(env, [{ engine: 'kernel', multiplyAdds, milliseconds }]);
  // Too short to tell.
  await measure(1e9, 100);
  expect((await kernel()).measured).toBe(false);
  await measure(20e9, 2_000);
  expect(await kernel()).toEqual({ multiplyAddsPerSecond: 10e9, measured: true });
  await measure(6e9, 1_000);
  expect((await kernel()).multiplyAddsPerSecond).toBeCloseTo(0.75 * 10e9 + 0.25 * 6e9, 0);
  // A shard that waited for an hour says nothing of the kernel.
  await measure(1, 3_600_000);
  expect((await kernel()).multiplyAddsPerSecond).toBeCloseTo(
    0.75 * 9e9 + (0.25 * USUAL_SPEEDS.kernel) / 8,
    0,
  );
});

test('the work of a shard is a tenth of the processor time of an invocation, or what a variable says', () => {
  const speeds = {
    kernel: { multiplyAddsPerSecond: 8e9, measured: true },
    rows: { multiplyAddsPerSecond: 1e9, measured: true },
  };
  expect(shardCapacity(env, speeds).work).toEqual({ kernel: 24e9, rows: 3e9 });
  expect(shardCapacity({ ...env, INVOCATION_CPU_MS: '10' }, speeds).work).toEqual({ kernel: 8e6, rows: 1e6 });
  expect(shardCapacity({ ...env, SHARD_WORK: '500' }, speeds).work).toEqual({ kernel: 500, rows: 500 });
});
