/** The indices of the items of every identity, ascending. */
export function indicesByIdentity(identities: Int32Array): Map<number, number[]> {
  const indices = new Map<number, number[]>();
  for (const [index, identity] of identities.entries()) {
    const known = indices.get(identity);
    if (known === undefined) indices.set(identity, [index]);
    else known.push(index);
  }
  return indices;
}
