// Run by npm before it packs (`prepack`), and where this repository itself is installed, from git too (`prepare`): compiles dist/, which
// git does not hold, so that no package is ever without its code; and publishes none without its binaries.
// Plain Node: in a clean clone no package is installed yet.

import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapError } from '../tensorflow/errors.mjs';
import { PROJECT, packageFolder } from '../tensorflow/project.mjs';
import { report } from '../tensorflow/steps.mjs';

const { npm_lifecycle_event: event = 'prepack', npm_command: command = 'pack' } = process.env;

/** Runs a Node program of this project; throws where it fails. */
function run(path, args, fix) {
  const { status } = spawnSync(process.execPath, [path, ...args], { cwd: PROJECT, stdio: 'inherit' });
  if (status !== 0) throw new BootstrapError(`${path} ended with ${status}`, fix);
}

function compile() {
  const compiler = join(packageFolder('typescript'), 'bin', 'tsc');
  if (!existsSync(compiler)) {
    // `npm install --omit=dev` in a checkout: nothing is packed.
    if (event === 'prepare') return;
    throw new BootstrapError(
      'the package cannot be packed: dist/ must be compiled, and typescript is not installed',
      'run "npm ci --ignore-scripts", then again',
    );
  }
  // What was compiled from a source that is gone must not be published.
  rmSync(join(PROJECT, 'dist'), { recursive: true, force: true });
  run(compiler, ['-p', 'tsconfig.build.json'], 'mend what the compiler names');
}

try {
  // Of `npm pack` and `npm publish` both events come; the first has done it all.
  if (!(event === 'prepare' && ['pack', 'publish'].includes(command))) {
    compile();
    if (command === 'publish')
      run(join('tools', 'release', 'verify-prebuilds.mjs'), [], 'run "node tools/release/prebuild.mjs", then again');
  }
} catch (error) {
  report(error);
  process.exitCode = 1;
}
