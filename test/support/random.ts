// Numbers that look random and are the same in every run.
// Needs no TensorFlow.

/** Numbers that are the same in every run: a small generator of our own (mulberry32). */
export function randoms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Floats from -1 to 1. */
export function floats(length: number, seed: number): Float32Array {
  const next = randoms(seed);
  return Float32Array.from({ length }, () => 2 * next() - 1);
}

/** Floats of either sign, of magnitudes down to 2^-octaves of the largest. */
export function floatsOfAllSizes(
  length: number,
  seed: number,
  { largest, octaves }: { readonly largest: number; readonly octaves: number },
): Float32Array {
  const next = randoms(seed);
  return Float32Array.from({ length }, () => (next() * 2 - 1) * largest * 2 ** -Math.floor(next() * octaves));
}

/** Numbers of mean 0 and deviation 1, roughly normal: the sum of twelve. */
export function normals(seed: number): () => number {
  const next = randoms(seed);
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i += 1) sum += next();
    return sum;
  };
}
