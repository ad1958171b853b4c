// The JavaScript engine as users without tfjs-node have it: its contract and the tests of the facade that need no TensorFlow, on plain tfjs.
// What runs on macOS and Windows too: tfjs-node's binding is taken away where it is there. Other versions of tfjs: test-tfjs.mjs.
//
//   node tools/release/test-plain-tfjs.mjs [OPTION OF VITEST ...]

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PROJECT } from '../tensorflow/project.mjs';

const require = createRequire(import.meta.url);
const inPackage = (name, ...path) => join(dirname(require.resolve(`${name}/package.json`)), ...path);

/** Below test/facade; a file counts in as a whole, but for the tests that NAMES leaves out. */
const FILES = [
  'engine/contract',
  'averages/combination',
  'averages/shadows',
  'callback/line',
  'callback/validate',
  'ema/gradient',
  'ema/looking',
  'ema/misuse',
  'ema/put-back',
  'ema/recompile',
  'tfjs/backend',
  'tfjs/fit-data',
  'validation/measure',
  'validation/ties',
  'validation/trace',
].map((name) => `test/facade/${name}.test.ts`);

/** A test that needs more says so in its name; but for the one of `reset`, which starts a program with tfjs-node. */
const NAMES = '^(?!.*(native|tfjs-node|TensorFlow|engine\\(\\)\\.reset))';

// Quoted: NODE_OPTIONS is split at spaces. With slashes: a backslash would escape.
const preload = `--require "${join(PROJECT, 'tools', 'release', 'without-binding.cjs').replaceAll('\\', '/')}"`;
const env = {
  ...process.env,
  NODE_OPTIONS: [process.env.NODE_OPTIONS, preload].filter(Boolean).join(' '),
  TFJS_EMA_TFJS: inPackage('@tensorflow/tfjs', 'dist', 'tf.node.js'),
};
const vitest = inPackage('vitest', 'vitest.mjs');
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--project', 'facade', ...process.argv.slice(2), '--testNamePattern', NAMES, ...FILES],
  { cwd: PROJECT, env, stdio: 'inherit' },
);
process.exitCode = status ?? 1;
