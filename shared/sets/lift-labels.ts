const [QUOTE, ESCAPE, COLON, COMMA, MINUS, ZERO, NINE] = [0x22, 0x5c, 0x3a, 0x2c, 0x2d, 0x30, 0x39];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const SPACES: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];

/** A JSON object in which some arrays are empty, and those arrays. */
export interface LiftedLabels {
  readonly rest: Uint8Array;
  readonly labels: Readonly<Record<string, Int32Array>>;
}

/**
 * Takes arrays of labels out of the text of a JSON object, straight into typed arrays: of a million rows, arrays of
 * JavaScript take several times as much memory, and the text as a string as much again.
 *
 * Only fields of the object itself are taken, and only arrays of nothing but whole numbers of 32 bits. All else, what
 * is wrong with it included, stays in the text for a parser of JSON, with `[]` in the place of what was taken.
 *
 * @param names fields that may be taken.
 */
export function liftLabels(json: Uint8Array, names: readonly string[]): LiftedLabels {
  const keys = names.map((name) => new TextEncoder().encode(`"${name}"`));
  const labels: Record<string, Int32Array> = {};
  const rest: Uint8Array[] = [];
  let kept = 0;
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    if (byte !== QUOTE) continue;
    const end = endOfString(json, at);
    const key = depth === 1 ? keys.findIndex((each) => equals(each, json.subarray(at, end))) : -1;
    const colon = afterSpaces(json, end);
    at = end - 1;
    if (key < 0 || json[colon] !== COLON) continue;
    // Of two fields of one name, the last counts.
    delete labels[names[key]];
    const array = afterSpaces(json, colon + 1);
    const numbers = json[array] === OPEN_ARRAY ? parseNumbers(json, array) : undefined;
    if (numbers === undefined) continue;
    labels[names[key]] = numbers.values;
    rest.push(json.subarray(kept, array + 1));
    kept = numbers.end - 1;
    at = numbers.end - 1;
  }
  rest.push(json.subarray(kept));
  return { rest: joined(rest), labels };
}

/** The numbers of the array that opens at `start`, and the place after it; `undefined` where it is anything else. */
function parseNumbers(json: Uint8Array, start: number): { values: Int32Array; end: number } | undefined {
  let close = start + 1;
  let commas = 0;
  for (; json[close] !== CLOSE_ARRAY; close++) {
    if (close === json.length) return undefined;
    if (json[close] === COMMA) commas++;
  }
  const first = afterSpaces(json, start + 1);
  if (first === close) return { values: new Int32Array(0), end: close + 1 };
  const values = new Int32Array(commas + 1);
  let at = first;
  for (let i = 0; i <= commas; i++) {
    at = afterSpaces(json, at);
    const sign = json[at] === MINUS ? -1 : 1;
    if (sign < 0) at++;
    const digits = at;
    let value = 0;
    for (; json[at] >= ZERO && json[at] <= NINE; at++) value = 10 * value + json[at] - ZERO;
    const isNumber = at > digits && (json[digits] !== ZERO || at === digits + 1);
    values[i] = sign * value;
    if (!isNumber || values[i] !== sign * value) return undefined;
    at = afterSpaces(json, at);
    if (json[at++] !== (i < commas ? COMMA : CLOSE_ARRAY)) return undefined;
  }
  return { values, end: at };
}

/** The place after the string that begins at `start`. */
function endOfString(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === ESCAPE ? 2 : 1;
  return Math.min(at + 1, json.length);
}

function afterSpaces(json: Uint8Array, at: number): number {
  while (SPACES.includes(json[at])) at++;
  return at;
}

function equals(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
