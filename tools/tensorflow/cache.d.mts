// The types of cache.mjs for the TypeScript that shares its folder.
// Declares only what is used from there.

/** `$TFJS_EMA_CACHE`, else `$XDG_CACHE_HOME/tfjs-ema`, else `~/.cache/tfjs-ema`. */
export function cacheDirectory(env?: NodeJS.ProcessEnv): string;

/** The facts stored with an entry; undefined when it is absent or not whole. */
export function openEntry(folder: string): object | undefined;

/** Makes an entry: `build` fills a folder beside it, one rename puts it in place. */
export function publish(folder: string, build: (folder: string) => Promise<object>): Promise<object>;
