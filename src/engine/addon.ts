// Finding and loading the compiled addon, once per process.
// Knows nothing of what the addon is for.

import type * as Binding from '../../binding.js';
import { messageOf } from '../base/errors.js';

/** The addon's exports, as `binding.d.ts` promises them. */
export type Addon = typeof Binding;

/** The addon, or why there is none. */
export type AddonResult = { readonly addon: Addon } | { readonly reason: string };

let loaded: AddonResult | undefined;

/**
 * The addon of this package: `build/Release` of a checkout, or the binary in `prebuilds/` that fits this machine.
 * @returns the same result on every call; never throws.
 */
export function loadAddon(): AddonResult {
  loaded ??= tryLoad();
  return loaded;
}

function tryLoad(): AddonResult {
  // Not an import: where there is none, that is a reason like others.
  const modules = typeof process === 'undefined' ? undefined : process.getBuiltinModule?.('node:module');
  if (modules === undefined) return { reason: 'native updates need Node 20.16 or later' };
  try {
    // By a name of its own: webpack takes a folder beside `import.meta.url` for a module of the bundle, and fails.
    const here = import.meta.url;
    const require = modules.createRequire(here);
    // From src/ and from dist/ alike the package's root is one folder up.
    const root = require('node:url').fileURLToPath(new URL('../..', here));
    // `require` gives any; test/native/binding.test.ts holds the names and results against binding.d.ts.
    return { addon: require('node-gyp-build')(root) as Addon };
  } catch (error) {
    const message = messageOf(error);
    return { reason: `the addon could not be loaded: ${message.trim().replace(/\s*\n\s*/g, '; ')}` };
  }
}
