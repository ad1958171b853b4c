// What a program can say of the sources without running them: format and lint of all languages, types, the kernels' compiled text.
// Judges nothing itself: each part is a command, and its exit code counts. A part that fails stops none that follow.
//
//   node tools/check.mjs          `npm run check` sees first that all is installed

import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { PROJECT } from './tensorflow/project.mjs';

const tool = (path, ...args) => [process.execPath, join('tools', path), ...args];

const PARTS = {
  'format and lint of TypeScript and JSON': ['biome', 'ci', '.'],
  'format of C++': tool('native/clang-format.mjs', '--check'),
  workflows: tool('release/lint-workflows.mjs'),
  'types, all': ['tsc', '-p', 'tsconfig.json'],
  'types, what runs in pages': ['tsc', '-p', 'tsconfig.browser.json'],
  'types, the package': ['tsc', '-p', 'tsconfig.build.json'],
  'kernels compiled from these sources': tool('native/ptx.mjs', '--check'),
};

const bin = join(PROJECT, 'node_modules', '.bin');
const env = { ...process.env, PATH: [bin, process.env.PATH].filter(Boolean).join(delimiter) };
const failed = [];
for (const [name, [program, ...args]] of Object.entries(PARTS)) {
  const started = performance.now();
  const { status, error } = spawnSync(program, args, { cwd: PROJECT, env, stdio: 'inherit' });
  if (error) process.stderr.write(`${error.message}\n`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${status === 0 ? 'ok    ' : 'FAILED'}  ${seconds.padStart(5)} s  ${name}\n`);
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  process.stdout.write(`failed: ${failed.join('; ')}\n`);
  process.exitCode = 1;
}
