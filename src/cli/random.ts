// Numbers that look random and are the same on every machine.
// Knows nothing of what they are for.

/** Numbers in [0, 1), the same for a seed. */
export function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Float32 numbers of many magnitudes, of both signs. */
export function randomFloats(length: number, seed: number): Float32Array {
  const next = randoms(seed);
  return Float32Array.from({ length }, () => {
    const x = next();
    return (x - 0.5) * 2 ** (((x * 2 ** 32) % 40) - 20);
  });
}
