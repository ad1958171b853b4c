// Puts a cached runtime (libraries + binding) into tfjs-node's package folder, and tells whether one is there.
// Every file is replaced by one rename: processes that run or start meanwhile see the old one or the new one.

import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { BootstrapError } from './errors.mjs';
import { bindingPath, packageFolder, packageJson } from './project.mjs';
import { run, tail } from './run.mjs';

const stampPath = (packageName) => join(packageFolder(packageName), 'deps', 'tfjs-ema.json');

/** Whether the runtime that {@link place} or {@link adopt} put on record is still there, file by file. */
export function isPlaced(packageName) {
  try {
    const stamp = JSON.parse(readFileSync(stampPath(packageName), 'utf8'));
    if (stamp.package !== packageJson(packageName).version) return false;
    return Object.entries(stamp.files).every(
      ([name, size]) => statSync(join(packageFolder(packageName), name)).size === size,
    );
  } catch {
    return false;
  }
}

/**
 * Links the libraries, copies the binding, proves that both load, and records them.
 * @param {string} packageName
 * @param {{folder: string, version: string}} tensorflow an entry of the cache with lib/ and include/.
 * @param {string} binding path of the compiled binding.
 */
export async function place(packageName, tensorflow, binding) {
  const deps = join(packageFolder(packageName), 'deps');
  const lib = join(deps, 'lib');
  rmSync(stampPath(packageName), { force: true });
  mkdirSync(lib, { recursive: true });
  const names = readdirSync(join(tensorflow.folder, 'lib'));
  for (const name of names) link(join(tensorflow.folder, 'lib', name), join(lib, name));
  for (const name of readdirSync(lib)) if (!names.includes(name)) rmSync(join(lib, name), { recursive: true });
  link(join(tensorflow.folder, 'include'), join(deps, 'include'));
  const target = bindingPath(packageName);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(binding, `${target}.${process.pid}`);
  renameSync(`${target}.${process.pid}`, target);
  return adopt(packageName);
}

/** Proves that the runtime in the package folder loads, and records it; returns TensorFlow's version. */
export async function adopt(packageName) {
  const version = await loadedVersion(packageFolder(packageName));
  const root = packageFolder(packageName);
  const binding = bindingPath(packageName);
  const libraries = readdirSync(join(root, 'deps', 'lib')).map((name) => join(root, 'deps', 'lib', name));
  const files = [binding, ...libraries].map((path) => [path.slice(root.length + 1), statSync(path).size]);
  const stamp = { package: packageJson(packageName).version, tensorflow: version, files: Object.fromEntries(files) };
  const path = stampPath(packageName);
  writeFileSync(`${path}.${process.pid}`, `${JSON.stringify(stamp, null, 2)}\n`);
  renameSync(`${path}.${process.pid}`, path);
  return version;
}

/** Whether something that could be a runtime is there, whoever made it. */
export function hasUnrecordedRuntime(packageName) {
  return existsSync(bindingPath(packageName)) && existsSync(join(packageFolder(packageName), 'deps', 'lib'));
}

/**
 * Loads tfjs-node in a child process, adds two numbers, and returns the version of TensorFlow that did it.
 * @param {string} folder tfjs-node's package folder.
 * @param {NodeJS.ProcessEnv} [env]
 */
export async function loadedVersion(folder, env = process.env) {
  const code = `
    const util = require('util');
    util.isNullOrUndefined ??= (value) => value == null; // Node 23 dropped it; tfjs-node 4.22 calls it.
    const tf = require(${JSON.stringify(folder)});
    if (tf.tensor1d([1, 2]).add(1).sum().dataSync()[0] !== 5) throw new Error('1 + 1 + 2 + 1 is not 5');
    console.log('TensorFlow=' + tf.backend().binding.TF_Version);`;
  const quiet = { TF_CPP_MIN_LOG_LEVEL: '2', ...env };
  const result = await run(process.execPath, ['-e', code], { env: quiet, limitS: 180 });
  const version = /^TensorFlow=(\S+)$/m.exec(result.stdout)?.[1];
  if (result.ok && version !== undefined) return version;
  throw new BootstrapError(
    `tfjs-node does not load: ${result.ended}\n${tail(result.output)}`,
    'remove node_modules/@tensorflow and run again; if it stays so, remove the cache folder too',
  );
}

function link(target, path) {
  const fresh = `${path}.${process.pid}`;
  symlinkSync(target, fresh);
  const old = lstatSync(path, { throwIfNoEntry: false });
  if (old?.isDirectory()) rmSync(path, { recursive: true });
  renameSync(fresh, path);
}
