// One binary on several versions of Node and of TensorFlow: the packed package trains a small model on each. Then the other
// processors' binaries, where an emulator can run them: each loads and computes on every Node.
// node tools/release/test-nodes.mjs [TENSORFLOW ...]     default: the TensorFlow of this checkout, then others by with-tf.mjs

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../tensorflow/project.mjs';
import { NODE_VERSIONS, nodeProgram, nodeRunner, runNode } from './node-program.mjs';
import { pack } from './pack.mjs';
import { prebuildPath, TARGETS } from './targets.mjs';

const OWN = 'own';
/** What tfjs-node 4.22 installs on arm64 and on x64, and one between that and the checkout's. */
const OTHERS = ['2.7.4', '2.9.1', '2.15.1'];

/** An app with the packed package, and with this checkout's tfjs-node. */
function makeApp(work) {
  pack(work);
  const modules = join(work, 'app', 'node_modules');
  mkdirSync(modules, { recursive: true });
  cpSync(join(work, 'package'), join(modules, 'tfjs-ema'), { recursive: true });
  for (const name of ['@noble', '@tensorflow', 'node-gyp-build'])
    symlinkSync(realpathSync(join(PROJECT, 'node_modules', name)), join(modules, name));
  writeFileSync(join(work, 'app', 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  cpSync(join(PROJECT, 'tools', 'release', 'app-check.mjs'), join(work, 'app', 'app-check.mjs'));
  return join(work, 'app');
}

function run(app, { program, tensorflow }, args) {
  const withTf =
    tensorflow === OWN ? [] : [process.execPath, join(PROJECT, 'tools', 'tensorflow', 'with-tf.mjs'), tensorflow, '--'];
  const [command, ...rest] = [...withTf, program, ...args];
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  const { status, stdout, stderr, error } = spawnSync(command, rest, { cwd: app, env, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(
      `${args.join(' ')} on ${program}, TensorFlow ${tensorflow}: ${error?.message ?? `exit code ${status}`}\n${stdout}${stderr}`,
    );
  return stdout;
}

/** The app must train natively; doctor must find what it should, and miss compat exactly where Node has removed the function. */
function tryNode(app, version, tensorflow) {
  const place = { program: nodeProgram(version), tensorflow };
  const needsCompat = Number(version.split('.')[0]) >= 23;
  run(app, place, [
    ...(needsCompat ? ['--import', 'tfjs-ema/compat'] : []),
    'app-check.mjs',
    '@tensorflow/tfjs-node',
    'native',
  ]);
  const doctor = JSON.parse(run(app, place, ['node_modules/tfjs-ema/dist/cli/main.js', 'doctor', '--json']));
  const message = (id) => doctor.checks.find((check) => check.id === id)?.message;
  if ((message('compat') !== undefined) !== needsCompat)
    throw new Error(`doctor on Node ${version} about compat: ${message('compat')}`);
  const [, hash] = /SHA-256 (\w+)/.exec(message('addon'));
  const found = `TensorFlow ${message('tensorflow').split(' ')[1]}: engine ${doctor.engine}`;
  process.stdout.write(`ok Node ${version}, ${found}, addon ${hash}\n`);
  return hash;
}

/** What one Node for another processor says of that processor's binary; that it could not be asked, where nothing here can run it. */
function tryEmulated(target, version) {
  const file = join(PROJECT, 'prebuilds', prebuildPath(target));
  const runner = existsSync(file) ? nodeRunner(target, version) : undefined;
  if (runner === undefined) return `-- ${prebuildPath(target)} on Node ${version}: not run, no binary or no emulator`;
  const { status, output } = runNode(runner, [join(PROJECT, 'tools', 'release', 'load-check.mjs'), file]);
  if (status !== 0) throw new Error(`${prebuildPath(target)} on Node ${version}: exit code ${status}\n${output}`);
  return `ok ${target.platform}: ${output}`;
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : [OWN, ...OTHERS];
const work = realpathSync(mkdtempSync(join(tmpdir(), 'tfjs-ema-nodes-')));
try {
  const app = makeApp(work);
  const hashes = wanted.flatMap((tensorflow) => NODE_VERSIONS.map((version) => tryNode(app, version, tensorflow)));
  const foreign = TARGETS.filter(({ platform, arch }) => platform !== process.platform || arch !== process.arch);
  for (const target of foreign)
    for (const version of NODE_VERSIONS) process.stdout.write(`${tryEmulated(target, version)}\n`);
  if (new Set(hashes).size !== 1) throw new Error('expected one binary for all');
} finally {
  rmSync(work, { recursive: true, force: true });
}
