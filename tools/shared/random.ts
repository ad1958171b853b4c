// Random numbers that are the same for the same seed, on every machine.
// Draws numbers only: what is done with them is the caller's.

/** Draws the next number, in [0, 1). */
export type Random = () => number;

/**
 * A generator with 32 bits of state (Weyl sequence with a mixing step): good for shuffles, not for secrets.
 * @param seed an integer; different seeds give unrelated sequences.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Shuffles in place (Fisher and Yates) and returns the same array. */
export function shuffle<T extends Uint32Array>(indices: T, random: Random): T {
  for (let last = indices.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const moved = indices[last] ?? 0;
    indices[last] = indices[other] ?? 0;
    indices[other] = moved;
  }
  return indices;
}

/** The integers from 0 to `count - 1`, shuffled. */
export function permutation(count: number, random: Random): Uint32Array {
  return shuffle(
    Uint32Array.from({ length: count }, (_, index) => index),
    random,
  );
}
