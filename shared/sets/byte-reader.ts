/** Reads a stream of chunks, of whatever sizes it comes in, by the sizes that a format asks for. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  #position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  /** Up to `most` bytes, and at least one unless the stream has ended. What it gives is a view. */
  async some(most: number): Promise<Uint8Array> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return this.#chunk;
      this.#chunk = value;
    }
    const bytes = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(bytes.length);
    this.#position += bytes.length;
    return bytes;
  }

  /** The next `length` bytes; fewer where the stream ends before. */
  async take(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const piece = await this.some(length - filled);
      if (piece.length === 0) break;
      bytes.set(piece, filled);
      filled += piece.length;
    }
    return bytes.subarray(0, filled);
  }

  /** Reads on without keeping anything. @returns how many of the `length` bytes were there. */
  async skip(length: number): Promise<number> {
    let left = length;
    while (left > 0) {
      const piece = await this.some(left);
      if (piece.length === 0) break;
      left -= piece.length;
    }
    return length - left;
  }

  /** Gives bytes back, to be read again: the last that were read. */
  unread(bytes: Uint8Array): void {
    this.#position -= bytes.length;
    const { buffer, byteOffset } = this.#chunk;
    if (bytes.buffer === buffer && bytes.byteOffset + bytes.length === byteOffset) {
      // A view of the chunk that it was cut off: nothing is copied, however large the rest is.
      this.#chunk = new Uint8Array(buffer, bytes.byteOffset, bytes.length + this.#chunk.length);
      return;
    }
    const joined = new Uint8Array(bytes.length + this.#chunk.length);
    joined.set(bytes);
    joined.set(this.#chunk, bytes.length);
    this.#chunk = joined;
  }
}
