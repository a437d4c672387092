/** Fields of a protocol buffers message, encoded. @see https://protobuf.dev/programming-guides/encoding/ */
export const field = {
  double(number: number, value: number): Uint8Array {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return concatenated([key(number, 1), bytes]);
  },
  float(number: number, value: number): Uint8Array {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return concatenated([key(number, 5), bytes]);
  },
  /** A whole number from 0 on. */
  integer(number: number, value: number): Uint8Array {
    return concatenated([key(number, 0), varint(value)]);
  },
  bytes(number: number, value: Uint8Array): Uint8Array {
    return concatenated([key(number, 2), varint(value.length), value]);
  },
  text(number: number, value: string): Uint8Array {
    return field.bytes(number, new TextEncoder().encode(value));
  },
  message(number: number, fields: readonly Uint8Array[]): Uint8Array {
    return field.bytes(number, concatenated(fields));
  },
};

export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}

function key(number: number, wireType: number): Uint8Array {
  return varint(8 * number + wireType);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  // By division: steps may pass the 32 bits that shifts work on.
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
