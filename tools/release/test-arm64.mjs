// The addon of Linux arm64 in a real TensorFlow for arm64, in an emulator: the addon, its operations, the engines' contract, and fit.
// vitest runs on this machine, and what it starts for each test file in qemu. Says why where there is no emulator, or no binary yet;
// `--require` then fails. Five minutes and more for each TensorFlow.
//
//   node tools/release/test-arm64.mjs [TENSORFLOW ...] [--require]     default: what tfjs-node installs there, and the newest

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { stagedCopy } from '../native/staged-copy.mjs';
import { count } from '../shared/stages.mjs';
import { ensureBinding } from '../tensorflow/binding.mjs';
import { ensureForeignLibpython } from '../tensorflow/libpython.mjs';
import { PROJECT } from '../tensorflow/project.mjs';
import { ensureTensorFlow, TENSORFLOW_VERSION } from '../tensorflow/tensorflow.mjs';
import { nodeRunner } from './node-program.mjs';
import { prebuildPath, TARGETS } from './targets.mjs';
import { zigProgram } from './zig.mjs';

const TARGET = TARGETS.find(({ platform, arch }) => platform === 'linux' && arch === 'arm64');
const { arch } = TARGET;
const VERSIONS = ['2.7.4', TENSORFLOW_VERSION];
const FILES = [
  ...['addon', 'binding', 'op'].map((name) => `test/native/${name}.test.ts`),
  ...['engine/choice', 'engine/contract', 'callback/fit'].map((name) => `test/facade/${name}.test.ts`),
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { require: { type: 'boolean', default: false } },
});
// The same Node: the two speak to each other in a format of its own.
const runner = nodeRunner(TARGET, process.versions.node);
const binary = join(PROJECT, 'prebuilds', prebuildPath(TARGET));
const packages = 'qemu-user libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross';
const missing = [
  ...(runner === undefined ? [`there is no emulator: "apt-get install ${packages}" on Debian, or set NODE_ARM64`] : []),
  ...(existsSync(binary) ? [] : [`there is no ${prebuildPath(TARGET)}: "node tools/release/prebuild.mjs" makes it`]),
];
for (const reason of missing) process.stdout.write(`${values.require ? 'FAILED' : 'skipped'}: ${reason}\n`);
if (missing.length > 0) process.exit(values.require ? 1 : 0);

const work = mkdtempSync(join(tmpdir(), 'tfjs-ema-arm64-'));

/** A program that is Node for arm64 to whoever starts it. */
function wrapper(libraries) {
  const path = join(work, 'node');
  const quoted = runner.map((word) => `'${word}'`).join(' ');
  writeFileSync(path, `#!/bin/sh\nLD_LIBRARY_PATH='${libraries}' exec ${quoted} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** The project with the published binary in the place of a developer's. */
function makeProject() {
  const folder = stagedCopy('arm64');
  const addon = join(folder, 'build', 'Release', 'tfjs_ema.node');
  mkdirSync(dirname(addon), { recursive: true });
  copyFileSync(binary, addon);
  return folder;
}

/** Environment in which every Node that vitest starts is the emulated one, on this TensorFlow. */
async function environment(version) {
  const tensorflow = await ensureTensorFlow({ version, arch });
  const libpython = tensorflow.needsPython ? await ensureForeignLibpython(arch) : '';
  const compiler = [await zigProgram(), 'c++', '-target', TARGET.zigTarget];
  const binding = await ensureBinding('@tensorflow/tfjs-node', tensorflow, { arch, compiler, libpython });
  const preloads = [
    join(PROJECT, 'tools', 'tensorflow', 'redirect-binding.cjs'),
    join(PROJECT, 'tools', 'release', 'emulated-node.cjs'),
  ];
  return {
    ...process.env,
    NODE_OPTIONS: preloads.map((path) => `--require "${path}"`).join(' '),
    TFJS_EMA_TFJS_BINDING: binding,
    TFJS_EMA_NODE: wrapper(libpython === '' ? '' : dirname(libpython)),
  };
}

/** What really runs: processor, TensorFlow, kernel. */
function identify(folder, env) {
  const code = `
    require('node:util').isNullOrUndefined ??= (value) => value == null;
    const tf = require('@tensorflow/tfjs-node');
    const addon = require('./build/Release/tfjs_ema.node');
    const { tensorflow } = addon.register();
    console.log([process.arch, process.versions.node, tensorflow, addon.buildInfo().cpuKernel].join(' '));`;
  const quiet = { ...env, TF_CPP_MIN_LOG_LEVEL: '2' };
  const { status, stdout, stderr } = spawnSync(env.TFJS_EMA_NODE, ['-e', code], {
    cwd: folder,
    env: quiet,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Node for arm64 with TensorFlow ended with ${status}:\n${stdout}${stderr}`);
  return stdout.trim();
}

async function tryOn(version, folder) {
  const env = await environment(version);
  const found = identify(folder, env);
  const expected = `arm64 ${process.versions.node} ${version} neon`;
  if (found !== expected) throw new Error(`expected ${expected}, found ${found}`);
  const report = join(work, `${version}.json`);
  // One at a time: vitest gives a process a minute to start, which on a busy machine two emulators may not make.
  const options = [
    '--project',
    'native',
    '--project',
    'facade',
    '--maxWorkers=1',
    '--reporter=default',
    '--reporter=json',
  ];
  const vitest = join(PROJECT, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', ...options, `--outputFile.json=${report}`, ...FILES];
  const { status } = spawnSync(process.execPath, args, { cwd: folder, env, stdio: 'inherit' });
  const { passed, failures } = existsSync(report)
    ? count(JSON.parse(readFileSync(report, 'utf8')))
    : count({ numPassedTests: 0, testResults: [] });
  const isGood = status === 0 && passed > 0 && failures.length === 0;
  process.stdout.write(
    `${isGood ? 'ok' : 'FAILED'} TensorFlow ${version} for arm64, Node ${process.versions.node}, neon: ${passed} tests passed, ${failures.length} failed\n`,
  );
  return isGood;
}

try {
  const folder = makeProject();
  for (const version of positionals.length > 0 ? positionals : VERSIONS)
    if (!(await tryOn(version, folder))) process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
