interface Page<T> {
  readonly data: readonly T[];
  readonly hasMore: boolean;
}

/** All items of a list. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/**
 * The items of a list, page after page, each asked for when it is reached.
 *
 * @param read a page, the one that comes after what is named.
 * @param last what names the end of a page.
 */
export async function* pagesOf<T, P extends Page<T>>(
  read: (after: string | undefined) => Promise<P & Page<T>>,
  last: (page: P) => string | null | undefined,
): AsyncGenerator<T, void, undefined> {
  let after: string | undefined;
  do {
    const page = await read(after);
    yield* page.data;
    after = page.hasMore ? (last(page) ?? undefined) : undefined;
  } while (after !== undefined);
}
