import { type Argument, InvalidArgumentError, type Option } from 'commander';
import { didYouMean } from '../terminal/did-you-mean.ts';

/** One of some names; an error lists them, and says which was probably meant. */
export function oneOf<Parameter extends Argument | Option>(
  parameter: Parameter,
  names: readonly string[],
): Parameter {
  parameter.choices(names).argParser((given: string) => {
    if (names.includes(given)) return given;
    throw new InvalidArgumentError(`Allowed choices are ${names.join(', ')}.${didYouMean(given, names)}`);
  });
  return parameter;
}

/** A whole number from `minimum` on, up to `maximum` where that is given, as an option's value. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum} on` : `from ${minimum} to ${maximum}`;
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < minimum || value > maximum || text.trim() === '') {
      throw new InvalidArgumentError(`It must be a whole number ${range}.`);
    }
    return value;
  };
}

/** A number from 0 to 1, as an option's value. */
export function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1) || text.trim() === '') {
    throw new InvalidArgumentError('It must be a number from 0 to 1.');
  }
  return value;
}

/** An option that may be given again and again: all of its values. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** Height x width, as an option's value. */
export function pictureSize(text: string): PictureSize {
  const [, height, width] = /^(\d{1,5})x(\d{1,5})$/.exec(text) ?? [];
  if (!(Number(height) >= 1 && Number(width) >= 1)) {
    throw new InvalidArgumentError('It must be height x width in pixels, such as 256x128.');
  }
  return { height: Number(height), width: Number(width) };
}
