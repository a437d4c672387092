/**
 * The indices of the items of every identity, ascending.
 *
 * @param wanted the identities to look for; of a large gallery, few are asked for. All by default.
 */
export function indicesByIdentity(identities: Int32Array, wanted?: Iterable<number>): Map<number, number[]> {
  const indices = new Map<number, number[]>(
    Array.from(wanted ?? new Set(identities), (identity) => [identity, []]),
  );
  for (let index = 0; index < identities.length; index++) indices.get(identities[index])?.push(index);
  return indices;
}
