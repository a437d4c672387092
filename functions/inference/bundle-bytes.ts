import type { StreamDigest } from '@softmargin/shared/bundle/bundle-stream.ts';
import { hex } from '../hex.ts';

/** SHA-256 of what comes piece by piece, by the runtime's own stream. */
export class RuntimeDigest implements StreamDigest {
  readonly #stream = new crypto.DigestStream('SHA-256');
  readonly #writer = this.#stream.getWriter();

  async update(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes);
  }

  async finish(): Promise<string> {
    await this.#writer.close();
    return hex(await this.#stream.digest);
  }
}

/** Pieces as one stream of a known length, which R2 asks for: they are never put together in memory. */
export function streamOf(pieces: readonly Uint8Array[]): ReadableStream {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const { readable, writable } = new FixedLengthStream(length);
  const writer = writable.getWriter();
  const write = async () => {
    for (const piece of pieces) await writer.write(piece);
    await writer.close();
  };
  // Where R2 gives up, its own error is the one to be told.
  write().catch(() => {});
  return readable;
}
