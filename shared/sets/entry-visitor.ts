/** Takes the bytes of an entry of an archive, or of a file of a form, as they come. */
export type EntryVisitor = (data: AsyncIterable<Uint8Array>) => Promise<void>;

/**
 * Says who takes an entry, by its name and its size in bytes, which is `undefined` where the archive says it only
 * behind the entry; `undefined` passes over it.
 */
export type VisitEntry = (name: string, size: number | undefined) => EntryVisitor | undefined;
