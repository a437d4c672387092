import { expect, test } from 'vitest';
import * as z from 'zod';
import { summaryCommand } from './summary.ts';

/** What the command prints, and what it fails with. */
async function run(...args: string[]): Promise<string> {
  const printed: string[] = [];
  const log = console.log;
  console.log = (text: string) => printed.push(text);
  try {
    await summaryCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parseAsync(args, { from: 'user' });
  } finally {
    console.log = log;
  }
  return printed.join('\n');
}

test('a table of layers with its sums', async () => {
  const text = await run('resnet50', '--input', '256x256');
  expect(text).toContain('resnet50: 256×256×3 → 2048');
  expect(text).toMatch(/^convolution +layer4\.2\.conv3 +16×16×2048 +1,052,672 +268,435,456$/m);
  expect(text).toMatch(/^parameters +23,512,128 \(4,096 of them in the head\)$/m);
  expect(text).toMatch(/^multiply-adds +8,106,541,056$/m);
});

test('the same as JSON', async () => {
  const summary = z
    .object({ parameters: z.int(), multiplyAdds: z.int(), layers: z.array(z.object({ kind: z.string() })) })
    .parse(JSON.parse(await run('osnet_x1_0', '--json')));
  expect(summary.parameters).toBe(2_169_508);
  expect(summary.multiplyAdds).toBe(978_875_392);
  expect(summary.layers[0].kind).toBe('convolution');
});

test.each(['256', '256x', '0x128', '-1x5', '256x128x3', 'ax b'])(
  'an input of "%s" is refused',
  async (input) => {
    await expect(run('resnet50', `--input=${input}`)).rejects.toThrow('It must be height x width in pixels');
  },
);

test('a network it does not know, and a size that a network does not take', async () => {
  await expect(run('resnet51')).rejects.toThrow('Allowed choices are mnist-2d, mnist-wide, conv4, resnet50');
  await expect(run('conv4', '--input', '32x32')).rejects.toThrow('conv4 takes pictures of 28×28 only');
});
