// The folder outside the checkout for what benchmarks build or download once.
// Holds the path only.

import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Makes and returns a folder below `$TFJS_EMA_CACHE`, `$XDG_CACHE_HOME/tfjs-ema` or `~/.cache/tfjs-ema`. */
export function cacheFolder(...names: string[]): string {
  const base =
    process.env['TFJS_EMA_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tfjs-ema');
  const folder = join(base, 'bench', ...names);
  mkdirSync(folder, { recursive: true });
  return folder;
}
