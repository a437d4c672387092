import { byCodeUnits } from './picture-files.ts';

/**
 * Labels as integers: as they are where all are whole numbers of 32 bits, otherwise their places in the order
 * of the names, from 0.
 */
export function labelNumbers(labels: readonly string[]): Int32Array {
  const whole = labels.every((label) => /^-?\d{1,10}$/.test(label) && (Number(label) | 0) === Number(label));
  if (whole) return Int32Array.from(labels, Number);
  const names = [...new Set(labels)].sort(byCodeUnits);
  const numberOf = new Map(names.map((name, number) => [name, number]));
  return Int32Array.from(labels, (label) => numberOf.get(label) as number);
}
