// The folder outside the checkout for what benchmarks build or download once.
// Holds the path only.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../../tools/tensorflow/cache.mjs';

/** Makes and returns a folder in the cache that the bootstrap uses. */
export function cacheFolder(...names: string[]): string {
  const folder = join(cacheDirectory(), 'bench', ...names);
  mkdirSync(folder, { recursive: true });
  return folder;
}
