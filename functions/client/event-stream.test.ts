import { expect, test } from 'vitest';
import { readEvents, type ServerEvent } from './event-stream.ts';

async function eventsOf(text: string, size: number): Promise<ServerEvent[]> {
  const bytes = new TextEncoder().encode(text);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
  const events: ServerEvent[] = [];
  for await (const event of readEvents(stream)) events.push(event);
  return events;
}

const TEXT =
  'event: progress\ndata: {"name": "é"}\n\n: still there\n\nevent: end\r\ndata: one\r\ndata: two\r\n\r\nevent: cut\ndata: never';

test.each([1, 2, 3, 1000])('events are read whatever pieces of %i bytes they come in', async (size) => {
  expect(await eventsOf(TEXT, size)).toEqual([
    { event: 'progress', data: '{"name": "é"}' },
    { event: 'end', data: 'one\ntwo' },
  ]);
});
