/**
 * Seeded random numbers. Everything in training that draws (initial weights, batches, splits,
 * augmentation) draws from here, so that one seed decides a run to the last bit.
 */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
  /** The numbers 0 to length − 1 in random order (Fisher–Yates). */
  permutation(length: number): Int32Array;
}

/**
 * A generator for a seed and a stream. Streams of one seed are independent: give each purpose (or each
 * step) its own stream, and what one of them draws never shifts the others.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand), seeded through a 32-bit mixing of the words.
 */
export function createRandom(seed: number, ...stream: number[]): Random {
  let a = mix(0x9e3779b9, seed);
  let b = mix(a, seed / 2 ** 32);
  let c = b;
  for (const word of stream) c = mix(c, word);
  let counter = 1;

  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) next();

  const uniform = (): number => (next() * 2 ** 21 + (next() >>> 11)) / 2 ** 53;
  const integer = (bound: number): number => Math.floor(uniform() * bound);
  return {
    uniform,
    integer,
    // Box–Muller; 1 − u keeps the logarithm's argument above zero.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    permutation(length) {
      const order = Int32Array.from({ length }, (_, i) => i);
      for (let i = length - 1; i > 0; i--) {
        const j = integer(i + 1);
        const swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
      }
      return order;
    },
  };
}

function mix(state: number, word: number): number {
  let h = Math.imul(state ^ (word | 0), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
