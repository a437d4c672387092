/** What the Worker's files, of which the console takes types, find in their runtime and a browser does not have. */
interface Crypto {
  readonly DigestStream: new (
    algorithm: string,
  ) => WritableStream<Uint8Array> & { readonly digest: Promise<ArrayBuffer> };
}
