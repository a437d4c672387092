import { exports } from 'cloudflare:workers';
import { expect, test } from 'vitest';

test('a picture is decoded and embedded on the SIMD WASM backend', async () => {
  const response = await exports.default.fetch('http://softmargin/health');
  expect(await response.json()).toEqual({ status: 'ok', backend: 'wasm', simd: true });
  expect(response.status).toBe(200);
});
