import { request } from './request.ts';

/** Addresses of pictures that were fetched, by content and index: a picture is asked for once. */
const fetched = new Map<string, Promise<string>>();

/** More are not kept: each is a file in the memory of the page. */
const MAX_KEPT = 2000;

/** An address, of this page only, of a picture of a set. A key cannot be sent by an `<img>`. */
export function storedPicture(set: string, sha256: string, index: number): Promise<string> {
  const name = `${sha256}/${index}`;
  const known = fetched.get(name);
  if (known !== undefined) return known;
  const address = request(`/v1/sets/${encodeURIComponent(set)}/pictures/${index}`)
    .then((response) => response.blob())
    .then((blob) => URL.createObjectURL(blob));
  fetched.set(name, address);
  address.catch(() => fetched.delete(name));
  const [oldest] = fetched;
  if (fetched.size > MAX_KEPT) {
    fetched.delete(oldest[0]);
    oldest[1].then(URL.revokeObjectURL, () => undefined);
  }
  return address;
}
