// tfjs-node's own binding, compiled from the sources in its package against cached TensorFlow libraries; cached itself.
// Does not place it in node_modules.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, openEntry, publish } from './cache.mjs';
import { BootstrapError } from './errors.mjs';
import { ensureLibpython } from './libpython.mjs';
import { step } from './log.mjs';
import { packageFolder } from './project.mjs';
import { findProgram, run, tail } from './run.mjs';

const FLAGS = ['-std=c++17', '-O2', '-fPIC', '-shared', '-w', '-DNAPI_VERSION=8'];

/** The C++ compiler: `$CXX`, else the first of the usual names; undefined when there is none. */
export function findCompiler() {
  return findProgram([process.env.CXX, 'g++', 'c++', 'clang++']);
}

/** Like {@link findCompiler}, but throws a BootstrapError. Asked before a long download, which would be in vain without one. */
export function requireCompiler() {
  const compiler = findCompiler();
  if (compiler !== undefined) return compiler;
  throw new BootstrapError(
    "no C++ compiler was found (g++, c++, clang++); tfjs-node's binding must be compiled where its download cannot be reached",
    'install one ("apt-get install g++" on Debian), or set CXX to its path',
  );
}

/**
 * Path of tfjs-node's binding for these TensorFlow libraries, from the cache or compiled now (about 10 s).
 * @param {string} packageName "@tensorflow/tfjs-node" or "@tensorflow/tfjs-node-gpu".
 * @param {import('./tensorflow.mjs').TensorFlow} tensorflow
 * @param {{arch: string, compiler: readonly string[], libpython: string}} [other] for another machine than this: a compiler for it, with its
 *   first arguments, and its libpython.
 */
export async function ensureBinding(packageName, tensorflow, other) {
  const libpython = tensorflow.needsPython ? (other?.libpython ?? (await ensureLibpython())) : undefined;
  const recipe = bindingRecipe(packageName, tensorflow, { libpython, arch: other?.arch ?? process.arch });
  const entry = join(cacheDirectory(), 'binding', `${tensorflow.version}-${recipe.hash}`);
  const path = join(entry, 'tfjs_binding.node');
  if (openEntry(entry) !== undefined) return path;
  const [compiler, ...first] = other?.compiler ?? [requireCompiler()];
  await step(`compiling tfjs-node's binding for TensorFlow ${tensorflow.version}`, async () => {
    await publish(entry, async (draft) => {
      await compile(compiler, [...first, ...recipe.args, '-o', join(draft, 'tfjs_binding.node')]);
      return { tensorflow: tensorflow.version };
    });
    return {};
  });
  return path;
}

function bindingRecipe(packageName, tensorflow, { libpython, arch }) {
  const folder = join(packageFolder(packageName), 'binding');
  const lib = join(tensorflow.folder, 'lib');
  const sources = readdirSync(folder).sort();
  const compiled = sources.filter((name) => name.endsWith('.cc')).map((name) => join(folder, name));
  const headers = [join(packageFolder('node-api-headers'), 'include'), join(tensorflow.folder, 'include'), folder];
  const args = [...FLAGS, ...headers.flatMap((path) => ['-I', path]), ...compiled, '-L', lib];
  // All are kept as needed: the extension of old versions does not itself name the libpython that it uses.
  args.push('-Wl,--no-as-needed', ...tensorflow.libraries.map((name) => `-l:${name}`));
  if (libpython !== undefined) args.push(libpython, `-Wl,-rpath,${join(libpython, '..')}`);
  // Inside node_modules it finds the links in deps/lib; loaded from the cache, the libraries themselves.
  args.push(`-Wl,-rpath,$ORIGIN/../../deps/lib`, `-Wl,-rpath,${lib}`);
  const hash = createHash('sha256')
    .update(arch)
    .update(JSON.stringify([FLAGS, tensorflow, libpython]));
  for (const name of sources) hash.update(name).update(readFileSync(join(folder, name)));
  return { args, hash: hash.digest('hex').slice(0, 16) };
}

async function compile(compiler, args) {
  const result = await run(compiler, args, { limitS: 600 });
  if (result.ok) return;
  throw new BootstrapError(
    `${compiler} could not compile tfjs-node's binding: ${result.ended}\n${tail(result.output)}`,
    "it needs C++17 (g++ 8 or clang 7 and newer) and the C++ standard library's headers; set CXX to another compiler",
  );
}
