// What tfjs-node 4.22 needs and Node 23 removed; import this before tfjs-node: `import 'tfjs-ema/compat'`.
// Holds nothing of the average.

import { createRequire } from 'node:module';

interface OldUtil {
  isNullOrUndefined?: (value: unknown) => boolean;
}

// The CommonJS object itself, which is what tfjs-node reads: an ESM namespace cannot be written to. Node's types no longer
// know the function, hence the cast to a type where everything is optional.
const util = createRequire(import.meta.url)('node:util') as OldUtil;
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
