// The native engine where there is no Node: in bundles for browsers it stands in the place of `native.ts` (`browser` in package.json).
// Loads nothing.

import type { Tfjs } from '../tfjs/backend.js';
import type { Engine } from './contract.js';

/** Why there is none. */
export function nativeEngine(tf: Tfjs): Engine | string {
  // Before the name: the first call chooses the backend.
  tf.backend();
  return `tfjs runs on the backend '${tf.getBackend()}' of a browser: native updates need Node with tfjs-node`;
}
