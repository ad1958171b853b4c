// Node's functions that files need, looked up when they are called: what touches no file runs without Node.
// Adds nothing to them.

import type * as os from 'node:os';
import type * as path from 'node:path';
import { builtin, builtinOrNone } from '../base/builtin.js';
import { type Sha256, sha256 } from './digest.js';

/** As of `node:path`. */
export const basename: typeof path.basename = (...given) => builtin('node:path').basename(...given);
/** As of `node:path`. */
export const dirname: typeof path.dirname = (...given) => builtin('node:path').dirname(...given);
/** As of `node:path`. */
export const join: typeof path.join = (...given) => builtin('node:path').join(...given);
/** As of `node:path`. */
export const resolve: typeof path.resolve = (...given) => builtin('node:path').resolve(...given);
/** As of `node:os`. */
export const hostname: typeof os.hostname = () => builtin('node:os').hostname();

/** A SHA-256 under way: Node's own, or a library's where there is no Node. */
export function createHash(): Sha256 {
  return builtinOrNone('node:crypto')?.createHash('sha256') ?? sha256();
}

/** As many random bytes, in hexadecimal digits. */
export function randomHex(bytes: number): string {
  return builtin('node:crypto').randomBytes(bytes).toString('hex');
}

/** As `node:fs/promises`. */
export function fileSystem(): typeof import('node:fs/promises') {
  return builtin('node:fs/promises');
}
