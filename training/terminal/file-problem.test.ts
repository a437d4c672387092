import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { withFileProblemInWords } from './file-problem.ts';

/** What Node really says of something. */
function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('It did not fail.');
}

test('what Node says of files is said in words', () => {
  const missing = messageOf(() => readFileSync('none.npz'));
  expect(withFileProblemInWords(missing)).toBe('none.npz is not there.');
  expect(withFileProblemInWords(`none.npz: ${missing}`)).toBe('none.npz is not there.');
  expect(withFileProblemInWords(`The checkpoint a cannot be used: ${missing}`)).toBe(
    'The checkpoint a cannot be used: none.npz is not there.',
  );
  expect(withFileProblemInWords(messageOf(() => readdirSync(process.execPath)))).toMatch(
    /node is a file, not a folder\.$/,
  );
});

test('all else stays as it is', () => {
  // A folder that is read as a file has no path in Node's message.
  const folder = messageOf(() => readFileSync(tmpdir()));
  for (const message of [folder, 'mAP is low.', 'http://a could not be reached: ECONNREFUSED']) {
    expect(withFileProblemInWords(message)).toBe(message);
  }
});
