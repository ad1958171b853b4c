// Where downloads are kept: the same folder that scripts/bootstrap uses.
// A path only; nothing is created here.

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** `$TFJS_EMA_CACHE`, else `$XDG_CACHE_HOME/tfjs-ema`, else `~/.cache/tfjs-ema`. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['TFJS_EMA_CACHE'];
  if (own) return resolve(own);
  const shared = env['XDG_CACHE_HOME'];
  return join(shared ? resolve(shared) : join(env['HOME'] || homedir(), '.cache'), 'tfjs-ema');
}
