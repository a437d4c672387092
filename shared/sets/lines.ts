import type { ByteReader } from './byte-reader.ts';
import { SetError } from './embedding-set.ts';

/** A line of JSON lines: 8192 numbers of up to 30 characters are a quarter of it. */
const MAX_LINE_BYTES = 1024 * 1024;

const LINE_BREAK = 0x0a;

/**
 * Reads text line by line, without holding more than a line of it. Nothing behind the last break is no line.
 * Throws {@link SetError} where a line is longer than a line may be.
 */
export async function* readLines(reader: ByteReader): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  let started = false;
  for (let number = 1; ; ) {
    const piece = await reader.some(65_536);
    if (piece.length === 0) break;
    for (let start = 0; start < piece.length; ) {
      const found = piece.indexOf(LINE_BREAK, start);
      const end = found < 0 ? piece.length : found;
      length += end - start;
      if (length > MAX_LINE_BYTES) {
        throw new SetError(
          `line ${number}`,
          `line ${number} is longer than ${MAX_LINE_BYTES} bytes, which a line may have.`,
        );
      }
      text += decoder.decode(piece.subarray(start, end), { stream: found < 0 });
      started = true;
      if (found >= 0) {
        yield text;
        number++;
        text = '';
        length = 0;
        started = false;
      }
      start = end + 1;
    }
  }
  if (started && text.trim() !== '') yield text;
}
