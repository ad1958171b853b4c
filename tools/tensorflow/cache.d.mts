// The types of cache.mjs for the TypeScript that shares its folder.
// Declares only what is used from there.

/** `$TFJS_EMA_CACHE`, else `$XDG_CACHE_HOME/tfjs-ema`, else `~/.cache/tfjs-ema`. */
export function cacheDirectory(env?: NodeJS.ProcessEnv): string;
