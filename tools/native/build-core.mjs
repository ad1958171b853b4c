// Building the stand-alone programs of test/native/core and test/native/cuda-core, and running programs; for the scripts that test the native side.
// Judges nothing.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT as ROOT } from '../tensorflow/project.mjs';

export { ROOT };

/** Where these scripts leave what they make. */
export const CACHE = join(ROOT, '.cache');

/** Runs a program; throws when it does not end with 0. `options` are those of spawnSync; `env` is added to this process's. */
export function run(program, args, { env = {}, ...options } = {}) {
  const result = spawnSync(program, args, { stdio: 'inherit', ...options, env: { ...process.env, ...env } });
  if (result.error?.code === 'ENOENT') throw new Error(`${program} was not found: install it`);
  if (result.error) throw result.error;
  if (result.status !== 0) {
    const output = result.stdout === null ? '' : `\n${result.stdout ?? ''}${result.stderr ?? ''}`;
    throw new Error(`${program} ${args.join(' ')} ended with ${result.signal ?? result.status}${output}`);
  }
  return result.stdout ?? '';
}

/** Removes a build folder that was made of other sources: cmake refuses it. */
function dropBuildOfOthers(build, source) {
  const cache = join(build, 'CMakeCache.txt');
  if (!existsSync(cache) || readFileSync(cache, 'utf8').includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${source}\n`)) return;
  rmSync(build, { recursive: true });
}

/**
 * Configures and builds one of test/native/core and test/native/cuda-core.
 * @param name folder below .cache
 * @param source folder below test/native, default core
 * @param flags compiler and linker flags, such as -fsanitize=address
 * @param defines CMake's -D options
 * @param targets what to build, default all
 * @param root the project, or a copy of it
 * @returns the build folder
 */
export function buildCore(name, { source = 'core', flags = [], defines = [], targets = [], root = ROOT } = {}) {
  const build = join(CACHE, name);
  const folder = join(root, 'test', 'native', source);
  dropBuildOfOthers(build, folder);
  const quiet = { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' };
  run(
    'cmake',
    [...['-S', folder, '-B', build], `-DCMAKE_CXX_FLAGS=${flags.join(' ')}`, ...defines.map((define) => `-D${define}`)],
    quiet,
  );
  const wanted = targets.flatMap((target) => ['--target', target]);
  run('cmake', ['--build', build, '--parallel', '2', ...wanted], quiet);
  return build;
}

/** Runs `main` and ends the process with 1 and its message when it throws. */
export async function command(main) {
  try {
    await main();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
