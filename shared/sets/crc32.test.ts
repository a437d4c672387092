import { expect, test } from 'vitest';
import { crc32 } from './crc32.ts';

/** The remainder of the message's polynomial, one bit at a time. */
function slowCrc32(bytes: Uint8Array): number {
  let register = 0xffffffffn;
  for (const byte of bytes) {
    for (let bit = 0n; bit < 8n; bit++) {
      const carry = (register ^ (BigInt(byte) >> bit)) & 1n;
      register = (register >> 1n) ^ (carry * 0xedb88320n);
    }
  }
  return Number(register ^ 0xffffffffn);
}

test('the check value of the standard', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array())).toBe(0);
});

test('is the polynomial division, whole or in pieces', () => {
  const bytes = Uint8Array.from({ length: 600 }, (_, i) => (i * i * 7 + 3) & 0xff);
  const expected = slowCrc32(bytes);
  expect(crc32(bytes)).toBe(expected);
  for (const cut of [0, 1, 299, 600]) {
    expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(expected);
  }
});
