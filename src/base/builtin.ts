// Node's own modules, asked for when they are needed: what never touches a file runs wherever JavaScript does.
// Loads no package.

import { EmaError } from './errors.js';

/** The modules that are used. */
interface Builtins {
  readonly 'node:crypto': typeof import('node:crypto');
  readonly 'node:fs/promises': typeof import('node:fs/promises');
  readonly 'node:os': typeof import('node:os');
  readonly 'node:path': typeof import('node:path');
}

/** A module of Node; undefined where there is none, as in a browser. */
export function builtinOrNone<K extends keyof Builtins>(name: K): Builtins[K] | undefined {
  return typeof process === 'undefined' ? undefined : process.getBuiltinModule?.(name);
}

/**
 * A module of Node.
 * @throws {@link EmaError} MISSING_PACKAGE — there is none, as in a browser.
 */
export function builtin<K extends keyof Builtins>(name: K): Builtins[K] {
  const found = builtinOrNone(name);
  if (found !== undefined) return found;
  const fix = "In a browser saveModel takes 'indexeddb://name' or 'downloads://name', and checkpoint() gives a Blob.";
  throw new EmaError(
    'MISSING_PACKAGE',
    `files and folders need ${name} of Node 20.16 or later, which is not here. ${fix}`,
  );
}
