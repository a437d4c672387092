import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { exampleManifest } from '../../test/bundles.ts';
import { BundleError, type BundleTensor, readBundle, writeBundle } from './bundle.ts';
import { parseSafetensors, serialiseSafetensors } from './safetensors.ts';

const tensors = new Map<string, BundleTensor>([
  ['conv1.weight', { shape: [2, 1], data: Float32Array.of(0.5, -3) }],
  ['conv1.bias', { shape: [2], data: Float32Array.of(1, 2) }],
]);
const manifest = exampleManifest();

const ZEROS = '0'.repeat(64);

/** A bundle with any metadata, signed as the format says: SHA-256 with the digest's digits at zero. */
function sign(metadata: Record<string, string>): Uint8Array {
  const bytes = serialiseSafetensors({
    tensors,
    metadata: { 'softmargin.sha256': ZEROS, ...metadata },
  });
  const text = Buffer.from(bytes).toString('latin1');
  const digest = createHash('sha256').update(bytes).digest('hex');
  return Uint8Array.from(Buffer.from(text.replace(ZEROS, digest), 'latin1'));
}

async function refusal(bytes: Uint8Array): Promise<string> {
  const error = await readBundle(bytes).then(
    () => new Error('The bundle was not refused.'),
    (reason: unknown) => reason,
  );
  if (error instanceof BundleError) return error.message;
  throw error;
}

describe('a bundle', () => {
  test('reads back as it was written', async () => {
    const read = await readBundle(await writeBundle(manifest, tensors));
    expect(read.manifest).toEqual(manifest);
    expect([...read.tensors]).toEqual([...tensors]);
  });

  test('the same input gives the same bytes', async () => {
    const bytes = await writeBundle(manifest, tensors);
    expect(await writeBundle(structuredClone(manifest), new Map(tensors))).toEqual(bytes);
    // The order of fields is the schema's, not the caller's.
    const backwards = Object.fromEntries(Object.entries(manifest).reverse()) as typeof manifest;
    expect(await writeBundle(backwards, tensors)).toEqual(bytes);
    const other = new Map(tensors).set('conv1.bias', { shape: [2], data: Float32Array.of(1, 3) });
    expect((await readBundle(await writeBundle(manifest, other))).sha256).not.toBe(
      (await readBundle(bytes)).sha256,
    );
  });

  test('is safetensors, and its digest is the one of the file with the digits at zero', async () => {
    const bytes = await writeBundle(manifest, tensors);
    const { metadata, tensors: plain } = parseSafetensors(bytes);
    expect([...plain]).toEqual([...tensors]);
    expect(JSON.parse(metadata['softmargin.manifest'])).toEqual(manifest);
    const digest = metadata['softmargin.sha256'];
    const text = Buffer.from(bytes).toString('latin1');
    expect(text.split(digest).length).toBe(2);
    const zeroed = Buffer.from(text.replace(digest, ZEROS), 'latin1');
    expect(createHash('sha256').update(zeroed).digest('hex')).toBe(digest);
    expect((await readBundle(bytes)).sha256).toBe(digest);
    expect(sign({ 'softmargin.manifest': metadata['softmargin.manifest'] })).toEqual(bytes);
  });

  test('reads from a Node Buffer, and leaves it as it was', async () => {
    const bytes = await writeBundle(manifest, tensors);
    const buffer = Buffer.from(bytes);
    const read = await readBundle(buffer);
    expect([...read.tensors]).toEqual([...tensors]);
    expect(Uint8Array.from(buffer)).toEqual(bytes);
  });

  test('one flipped bit in any byte is refused', async () => {
    const bytes = await writeBundle(manifest, tensors);
    for (let i = 0; i < bytes.length; i++) {
      for (const bit of [0x01, 0x20, 0x80]) {
        const altered = bytes.slice();
        altered[i] ^= bit;
        await expect(readBundle(altered), `byte ${i}, bit ${bit}`).rejects.toThrow(BundleError);
      }
    }
  });

  test('an altered weight is named as such', async () => {
    const bytes = await writeBundle(manifest, tensors);
    bytes[bytes.length - 1] ^= 1;
    expect(await refusal(bytes)).toMatch(
      /^The bundle was altered: its SHA-256 is [0-9a-f]{64}, it says [0-9a-f]{64}\.$/,
    );
  });

  test('cut anywhere is refused, and so is anything after it', async () => {
    const bytes = await writeBundle(manifest, tensors);
    for (let length = 0; length < bytes.length; length++) {
      await expect(readBundle(bytes.subarray(0, length)), `${length} bytes`).rejects.toThrow(BundleError);
    }
    await expect(readBundle(Uint8Array.from([...bytes, 0]))).rejects.toThrow(BundleError);
  });
});

describe('metadata', () => {
  const text = JSON.stringify(manifest);

  test('safetensors without a manifest, or without a digest, is not a bundle', async () => {
    const plain = (metadata: Record<string, string>) => refusal(serialiseSafetensors({ tensors, metadata }));
    expect(await plain({})).toBe('Not a bundle: the safetensors metadata has no "softmargin.manifest".');
    expect(await plain({ 'softmargin.manifest': text })).toBe(
      'Not a bundle: the safetensors metadata has no "softmargin.sha256".',
    );
  });

  test.each(['', 'x', 'F'.repeat(64), '0'.repeat(63), '0'.repeat(65)])(
    'the digest %j is none',
    async (digest) => {
      expect(
        await refusal(
          serialiseSafetensors({
            tensors,
            metadata: { 'softmargin.sha256': digest, 'softmargin.manifest': text },
          }),
        ),
      ).toBe('The metadata "softmargin.sha256" is not 64 lower-case hexadecimal digits.');
    },
  );

  test('more metadata than ours is let be', async () => {
    const read = await readBundle(sign({ 'softmargin.manifest': text, format: 'pt' }));
    expect(read.manifest).toEqual(manifest);
  });

  test('metadata before the digest, in letters of more than one byte', async () => {
    const bytes = serialiseSafetensors({
      tensors,
      metadata: { author: 'Ørsted 学', 'softmargin.sha256': ZEROS, 'softmargin.manifest': text },
    });
    const digest = createHash('sha256').update(bytes).digest('hex');
    const signed = Buffer.from(Buffer.from(bytes).toString('latin1').replace(ZEROS, digest), 'latin1');
    expect((await readBundle(Uint8Array.from(signed))).sha256).toBe(digest);
  });

  test('a signed manifest that is not JSON, or not a manifest, is refused', async () => {
    expect(await refusal(sign({ 'softmargin.manifest': '{' }))).toBe('The manifest is not JSON.');
    expect(await refusal(sign({ 'softmargin.manifest': '7' }))).toMatch(/^The manifest's content: /);
    const bad = JSON.stringify({ ...manifest, input: { ...manifest.input, height: 0 } });
    expect(await refusal(sign({ 'softmargin.manifest': bad }))).toMatch(/^The manifest's input\.height: /);
  });

  test('writing refuses a manifest that reading would refuse', async () => {
    await expect(writeBundle({ ...manifest, name: 'Digits!' }, tensors)).rejects.toThrow(/name/);
  });
});
