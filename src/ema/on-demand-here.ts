// What is called seldom, where it is part of the program: at hand at once, so that what it takes is of the moment of the call.
// Bundles for browsers have `on-demand-later.ts` in its place (`browser` in package.json).

import * as seldom from './on-demand.js';

/** Runs `use` with what is called seldom. */
export async function onDemand<R>(use: (parts: typeof seldom) => R): Promise<Awaited<R>> {
  return await use(seldom);
}
