// Loads one binary in this Node, compares its CPU core with JavaScript, bit for bit, and lets it look for a TensorFlow that is not there;
// for verify-prebuilds.mjs, emulators and other systems.
// Needs no TensorFlow and nothing compiled.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import ts from 'typescript';

/** The fastest kernel that this processor runs; undefined where its abilities cannot be read. */
function expectedKernel() {
  if (process.arch === 'arm64') return 'neon';
  if (process.platform !== 'linux') return undefined;
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1].split(' ') ?? [];
  return flags.includes('avx2') && flags.includes('fma') ? 'avx2' : 'baseline';
}

/** The self-test of `tfjs-ema doctor`, translated here: it imports types only. */
async function loadSelfTest() {
  const source = readFileSync(new URL('../../src/cli/self-test.ts', import.meta.url), 'utf8');
  const { outputText } = ts.transpileModule(source, { compilerOptions: { target: 'ES2022', module: 'ESNext' } });
  return import(`data:text/javascript,${encodeURIComponent(outputText)}`);
}

const { coreSelfTest } = await loadSelfTest();
const addon = createRequire(import.meta.url)(resolve(process.argv[2]));
const { cpuKernel, compiler, version } = addon.buildInfo();
const { compared, differing } = coreSelfTest(addon);
if (differing > 0)
  throw new Error(`${differing} of ${compared} numbers differ from JavaScript's (kernel ${cpuKernel})`);
if (cpuKernel !== (expectedKernel() ?? cpuKernel))
  throw new Error(`runs the kernel ${cpuKernel}, but this processor could run ${expectedKernel()}`);
assert.throws(
  () => addon.register(),
  /^Error: no TensorFlow library is loaded in this process: import @tensorflow\/tfjs-node/,
);
process.stdout.write(
  `Node ${process.versions.node} ${process.arch}: version ${version}, kernel ${cpuKernel}, ${compared} numbers equal JavaScript's to the bit (${compiler})\n`,
);
