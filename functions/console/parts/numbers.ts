/** A fraction in per cent, as the field prints it: 87.31. */
export function percent(value: number | null | undefined): string {
  return value === undefined || value === null ? '–' : (100 * value).toFixed(2);
}

/** A whole number with its thousands apart. */
export function whole(value: number): string {
  return value.toLocaleString('en');
}

/** A time of the API as the reader's clock shows it. */
export function clock(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** The first characters of a hash, which tell two apart. */
export function short(hash: string): string {
  return hash.slice(0, 8);
}
