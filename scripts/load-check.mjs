// Loads one binary in this Node and compares its CPU core with JavaScript, bit for bit; for verify-prebuilds.mjs and emulators.
// Needs `npm run build` first, and no TensorFlow.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { coreSelfTest } from '../dist/cli/self-test.js';

const addon = createRequire(import.meta.url)(resolve(process.argv[2]));
const { cpuKernel, compiler, version } = addon.buildInfo();
const { compared, differing } = coreSelfTest(addon);
if (differing > 0)
  throw new Error(`${differing} of ${compared} numbers differ from JavaScript's (kernel ${cpuKernel})`);
process.stdout.write(
  `Node ${process.versions.node} ${process.arch}: version ${version}, kernel ${cpuKernel}, ${compared} numbers equal JavaScript's to the bit (${compiler})\n`,
);
