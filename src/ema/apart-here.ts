// What is called seldom, where it is part of the program: at hand at once, so that what it takes is of the moment of the call.
// Bundles for browsers have `apart-later.ts` in its place (`browser` in package.json).

import * as parts from './apart.js';

/** Runs `use` with what is called seldom. */
export async function apart<R>(use: (apart: typeof parts) => R): Promise<Awaited<R>> {
  return await use(parts);
}
