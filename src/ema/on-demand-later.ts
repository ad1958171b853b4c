// What is called seldom, in a browser: fetched by the first call, so that a page that saves nothing does not load it.
// Adds nothing to it.

/** Runs `use` with what is called seldom, once it is there. */
export async function onDemand<R>(use: (parts: typeof import('./on-demand.js')) => R): Promise<Awaited<R>> {
  return await use(await import('./on-demand.js'));
}
