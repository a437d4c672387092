/** Bytes of a message in the wire format of Protocol Buffers, as far as an ONNX file needs it. */
export type Field = readonly Uint8Array[];

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A whole number that is not negative. */
export function integer(number: number, value: number): Field {
  return [varint(number * 8 + VARINT), varint(value)];
}

export function float(number: number, value: number): Field {
  return [varint(number * 8 + FIXED_32), bytesOf(Float32Array.of(value))];
}

export function text(number: number, value: string): Field {
  return bytes(number, new TextEncoder().encode(value));
}

export function bytes(number: number, value: Uint8Array): Field {
  return [varint(number * 8 + LENGTH_DELIMITED), varint(value.byteLength), value];
}

/** A message within a message. */
export function message(number: number, ...fields: readonly Field[]): Field {
  const parts = fields.flat();
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  return [varint(number * 8 + LENGTH_DELIMITED), varint(length), ...parts];
}

export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Seven bits a byte, the lowest first; all but the last have the eighth. */
function varint(value: number): Uint8Array {
  const found: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...found, rest]);
    found.push((rest % 128) + 128);
  }
}
