import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';
import { EventFile } from './event-file.ts';

const root = mkdtempSync(join(tmpdir(), 'softmargin-events-'));
afterAll(() => rmSync(root, { recursive: true }));

/** CRC-32C bit by bit, and the mask, as the format's page gives them. */
function maskedChecksum(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  crc ^= 0xffffffffn;
  const rotated = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn;
  return Number((rotated + 0xa282ead8n) & 0xffffffffn);
}

function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedChecksum(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedChecksum(data));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** The fields of a message by number; what they mean is left to the caller. */
function fieldsOf(message: Buffer): Map<number, (number | Buffer)[]> {
  const fields = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const take = (length: number) => {
    at += length;
    return message.subarray(at - length, at);
  };
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const [byte] = take(1);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(value);
    }
  };
  const read: Record<number, () => number | Buffer> = {
    0: varint,
    1: () => take(8).readDoubleLE(),
    2: () => take(varint()),
    5: () => take(4).readFloatLE(),
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    fields.set(number, [...(fields.get(number) ?? []), read[key % 8]()]);
  }
  return fields;
}

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

async function writtenRun(name: string): Promise<string> {
  const directory = join(root, name);
  const first = await EventFile.open(directory, 0);
  for (const step of [1, 2, 3]) {
    await first.write(step, { scalars: { 'loss/total': 4 / step, learningRate: 1e-3 } });
  }
  // Names go by the millisecond.
  await new Promise((resolve) => setTimeout(resolve, 5));
  const resumed = await EventFile.open(directory, 2);
  await resumed.write(3, {
    scalars: { 'loss/total': 1.25 },
    pictures: { embedding: { height: 1, width: 1, channels: 4, file: PNG } },
  });
  expect(resumed.path > first.path).toBe(true);
  return resumed.path;
}

test('the checksum is the published one', () => {
  // RFC 3720, B.4: 32 bytes of zeros.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
});

test('every record reads back as the event that was written', async () => {
  const before = Date.now() / 1000;
  const events = recordsOf(readFileSync(await writtenRun('decoded'))).map(fieldsOf);
  expect(events).toHaveLength(3);
  for (const event of events) {
    expect(event.get(1)?.[0]).toBeGreaterThanOrEqual(before);
    expect(event.get(1)?.[0]).toBeLessThanOrEqual(Date.now() / 1000);
  }
  expect(String(events[0].get(3)?.[0])).toBe('brain.Event:2');
  expect(events[1].get(2)).toEqual([3]);
  expect(fieldsOf(events[1].get(7)?.[0] as Buffer).get(1)).toEqual([1]);

  expect(events[2].get(2)).toEqual([3]);
  const values = fieldsOf(events[2].get(5)?.[0] as Buffer).get(1) as Buffer[];
  const [loss, embedding] = values.map(fieldsOf);
  expect(String(loss.get(1)?.[0])).toBe('loss/total');
  expect(loss.get(2)).toEqual([1.25]);
  expect(String(embedding.get(1)?.[0])).toBe('embedding');
  const picture = fieldsOf(embedding.get(4)?.[0] as Buffer);
  expect([1, 2, 3].map((number) => picture.get(number)?.[0])).toEqual([1, 1, 4]);
  expect(picture.get(4)?.[0]).toEqual(PNG);
});

test('steps beyond 32 bits are kept', async () => {
  const file = await EventFile.open(join(root, 'long'), 0);
  await file.write(2 ** 40 + 3, { scalars: { loss: 1 } });
  expect(fieldsOf(recordsOf(readFileSync(file.path))[2]).get(2)).toEqual([2 ** 40 + 3]);
});

/** A Python that can import TensorBoard, if `PYTHON` or the one on the path is such a one. */
const python = process.env.PYTHON ?? 'python3';
const hasTensorboard = spawnSync(python, ['-c', 'import tensorboard']).status === 0;

describe.skipIf(!hasTensorboard)('TensorBoard itself', () => {
  test('reads scalars and pictures, and takes the steps of a resumed run from its last file', async () => {
    await writtenRun('tensorboard');
    const script = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
accumulator = EventAccumulator(sys.argv[1]).Reload()
print(json.dumps({
  "loss": [[e.step, e.value] for e in accumulator.Scalars("loss/total")],
  "images": [[e.step, e.width, e.height, len(e.encoded_image_string)] for e in accumulator.Images("embedding")],
}))`;
    const { stdout, stderr } = spawnSync(python, ['-c', script, join(root, 'tensorboard')], {
      encoding: 'utf8',
    });
    expect(stdout, stderr).not.toBe('');
    expect(JSON.parse(stdout)).toEqual({
      loss: [
        [1, 4],
        [2, 2],
        [3, 1.25],
      ],
      images: [[3, 1, 1, PNG.length]],
    });
  });
});
