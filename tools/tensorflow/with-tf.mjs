#!/usr/bin/env node
// Runs a command with tfjs-node on another TensorFlow version, without touching node_modules.
//
//   node tools/tensorflow/with-tf.mjs 2.9.1 -- npx vitest run
//   node tools/tensorflow/with-tf.mjs 2.9.1 --gpu -- npx vitest run      the build with CUDA, which Linux x64 alone has
//
// The libraries come from PyPI into the cache, tfjs-node's binding is compiled against them, and a preload script makes
// every Node process of the command, its children and workers load that binding. The command also gets
//
// TFJS_EMA_TENSORFLOW_VERSION  the version, for tests that hold it against what they see
// TFJS_EMA_TENSORFLOW_LIBRARY  the library with the C API, for tests that load it themselves
// TFJS_EMA_TENSORFLOW_INCLUDE  its headers, for tests that compile against it
// TFJS_EMA_TENSORFLOW_GPU      1 with --gpu

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureBinding } from './binding.mjs';
import { BootstrapError } from './errors.mjs';
import { say } from './log.mjs';
import { loadedVersion } from './placement.mjs';
import { PROJECT, packageFolder } from './project.mjs';
import { bootstrap, report } from './steps.mjs';
import { ensureTensorFlow } from './tensorflow.mjs';

const TFJS_NODE = '@tensorflow/tfjs-node';
const USAGE =
  'node tools/tensorflow/with-tf.mjs VERSION [--gpu] -- COMMAND [ARGUMENT ...], such as: 2.9.1 -- npx vitest run';

function parse([version, ...rest]) {
  const gpu = rest[0] === '--gpu';
  const [dashes, ...command] = rest.slice(gpu ? 1 : 0);
  const valid = /^\d+\.\d+\.\d+$/.test(version ?? '') && dashes === '--' && command.length > 0;
  if (!valid) throw new BootstrapError('expected a TensorFlow version, "--" and a command', USAGE);
  return { version, gpu, command };
}

function environment(tensorflow, binding, gpu) {
  const hook = join(PROJECT, 'tools', 'tensorflow', 'redirect-binding.cjs');
  // Quoted: NODE_OPTIONS is split at spaces.
  const preload = `--require "${hook.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  return {
    ...process.env,
    NODE_OPTIONS: [process.env.NODE_OPTIONS, preload].filter(Boolean).join(' '),
    PATH: [join(PROJECT, 'node_modules', '.bin'), process.env.PATH].filter(Boolean).join(delimiter),
    TFJS_EMA_TFJS_BINDING: binding,
    TFJS_EMA_TENSORFLOW_VERSION: tensorflow.version,
    TFJS_EMA_TENSORFLOW_LIBRARY: join(tensorflow.folder, 'lib', tensorflow.libraries[0]),
    TFJS_EMA_TENSORFLOW_INCLUDE: join(tensorflow.folder, 'include'),
    ...(gpu ? { TFJS_EMA_TENSORFLOW_GPU: '1' } : {}),
  };
}

async function prepare(version, gpu) {
  await bootstrap();
  const tensorflow = await ensureTensorFlow({ version, gpu });
  const env = environment(tensorflow, await ensureBinding(TFJS_NODE, tensorflow), gpu);
  const loaded = await loadedVersion(packageFolder(TFJS_NODE), env);
  if (loaded !== version) {
    throw new BootstrapError(
      `tfjs-node reports TensorFlow ${loaded}, expected ${version}`,
      `remove ${tensorflow.folder} and run again`,
    );
  }
  say(`tfjs-node runs on TensorFlow ${loaded} (${tensorflow.folder})`);
  return env;
}

function runCommand([program, ...args], env) {
  const child = spawn(program, args, { stdio: 'inherit', env });
  // The terminal sends its signals to the child as well: let it end first, and end as it did.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.removeAllListeners(signal);
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => {
    report(new BootstrapError(`cannot run ${program}: ${error.message}`, USAGE));
    process.exitCode = 127;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

try {
  const { version, gpu, command } = parse(process.argv.slice(2));
  if (gpu && (process.platform !== 'linux' || process.arch !== 'x64'))
    say(`skipped: TensorFlow's wheels have CUDA on Linux x64 alone, this is ${process.platform} ${process.arch}`);
  else runCommand(command, await prepare(version, gpu));
} catch (error) {
  report(error);
  process.exitCode = 1;
}
