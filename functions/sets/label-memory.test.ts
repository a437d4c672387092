import { env } from 'cloudflare:workers';
import { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { afterEach, expect, test } from 'vitest';
import { MAX_SET_ROWS } from '../limits.ts';
import { joinLabels } from './content.ts';
import { bytesOf } from './content-store.ts';
import { checkLabels, readSetBody } from './set-body.ts';

const MB = 1e6;
const arrays = ['Uint8Array', 'Int32Array', 'Float32Array', 'Float64Array'] as const;
const real = Object.fromEntries(arrays.map((name) => [name, globalThis[name]]));
afterEach(() => {
  Object.assign(globalThis, real);
});

/** Counts the bytes of every typed array that is made from here on, as if none was ever freed. */
function countAllocations(): { bytes: number } {
  const counted = { bytes: 0 };
  for (const name of arrays) {
    const proxied: object = new Proxy(globalThis[name], {
      construct(target, parameters, newTarget): object {
        const made: ArrayBufferView = Reflect.construct(
          target,
          parameters,
          newTarget === proxied ? target : newTarget,
        );
        if (!(parameters[0] instanceof ArrayBuffer)) counted.bytes += made.byteLength;
        return made;
      },
    });
    Object.assign(globalThis, { [name]: proxied });
  }
  return counted;
}

/** A table of labels as it comes, made as it is read. */
async function* table(rows: number): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  yield encoder.encode('identity,camera,group\n');
  for (let row = 0; row < rows; row += 4096) {
    const lines = Array.from({ length: Math.min(4096, rows - row) }, (_, i) => {
      return `${Math.floor((row + i) / 20)},${(row + i) % 6},${row + i}\n`;
    });
    yield encoder.encode(lines.join(''));
  }
}

test('labels of a million rows as CSV are read and joined in less than 96 MB', {
  timeout: 300_000,
}, async () => {
  const counted = countAllocations();
  const { labels } = await readSetBody(new ByteReader(table(MAX_SET_ROWS)), env.STORE);
  const checked = checkLabels(labels, MAX_SET_ROWS);
  const bytes = bytesOf(joinLabels(checked));
  // Three columns, as read and as joined; and what they grew through.
  expect(counted.bytes).toBeGreaterThan(2 * 3 * 4 * MAX_SET_ROWS);
  expect(counted.bytes).toBeLessThan(96 * MB);
  expect(bytes.length).toBe(3 * 4 * MAX_SET_ROWS);
  const last = MAX_SET_ROWS - 1;
  expect([checked.identities[last], checked.cameras[last], checked.groups?.[last]]).toEqual([
    Math.floor(last / 20),
    last % 6,
    last,
  ]);
});
