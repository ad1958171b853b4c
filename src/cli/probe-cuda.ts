// The child process that asks the dynamic loader for libraries by name, as TensorFlow will.
// Sends what it found to its parent.

import { readFileSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { messageOf } from '../base/errors.js';
import type { MissingLibrary } from './facts.js';

function whyMissing(soname: string): string | undefined {
  try {
    // Not an addon: Node opens the library, then complains that nothing registered itself.
    process.dlopen({ exports: {} }, soname, constants.dlopen.RTLD_LAZY);
    return undefined;
  } catch (error) {
    const message = messageOf(error);
    return /did not self-register/.test(message) ? undefined : message;
  }
}

/** The name of the file behind libcuda.so.1 ends in the driver's version. */
function driverFile(): string | undefined {
  const line = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .find((text) => text.includes('/libcuda.so'));
  const path = line?.slice(line.indexOf('/'));
  return path === undefined ? undefined : basename(realpathSync(path)).replace(/^libcuda\.so\./, '');
}

const missing: MissingLibrary[] = [];
for (const soname of process.argv.slice(2)) {
  const reason = whyMissing(soname);
  if (reason !== undefined) missing.push({ soname, reason });
}
process.send?.({ driver: process.platform === 'linux' ? driverFile() : undefined, missing });
process.disconnect?.();
