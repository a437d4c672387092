import { expect, test, vi } from 'vitest';
import { eventStream } from './events.ts';

const times = { interval: 1, heartbeat: 5, longest: 60_000 };
const progress = { started: true, done: 1, total: 2, stages: [], etaSeconds: 1, outcome: undefined };

test('where nothing happens a comment shows that the stream is there', async () => {
  const reader = eventStream(
    async () => progress,
    async () => ({ ended: false, value: { done: 1 } }),
    times,
  ).getReader();
  const read = async () => new TextDecoder().decode((await reader.read()).value);
  expect(await read()).toBe('event: progress\ndata: {"done":1}\n\n');
  expect(await read()).toBe(': still there\n\n');
  await reader.cancel();
});

test('a reader that goes away ends the asking', async () => {
  const change = vi.fn(async () => progress);
  const reader = eventStream(change, async () => ({ ended: false, value: {} }), times).getReader();
  await reader.read();
  await reader.cancel();
  const asked = change.mock.calls.length;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(change.mock.calls.length).toBe(asked);
});

test('an evaluation that cannot be reached is asked again', async () => {
  const log = vi.spyOn(console, 'error').mockReturnValue(undefined);
  const change = vi.fn(async () => progress).mockRejectedValueOnce(new Error('It moved.'));
  const stream = eventStream(change, async () => ({ ended: true, value: { id: 1 } }), times);
  expect(await new Response(stream).text()).toBe(': again\n\nevent: end\ndata: {"id":1}\n\n');
  expect(log).toHaveBeenCalledOnce();
  log.mockRestore();
});

test('a stream does not go on for ever', async () => {
  const stream = eventStream(
    async () => progress,
    async () => ({ ended: false, value: {} }),
    {
      ...times,
      longest: 0,
    },
  );
  expect(await new Response(stream).text()).toBe('event: progress\ndata: {}\n\n');
});
