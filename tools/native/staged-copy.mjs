// A copy of the project below .cache with an addon of its own: built with other flags, or from changed sources.
// The copy shares node_modules, and what is not asked for is not in it.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow } from '../tensorflow/project.mjs';
import { CACHE, ROOT, run } from './build-core.mjs';

// What the tests read, beside node_modules. No build/: each copy makes its own.
const CONTENTS = [
  ...['native', 'src', 'test', 'tools', 'study', 'bench', 'examples', 'docs'],
  ...['CMakeLists.txt', 'binding.d.ts', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts'],
  ...['README.md', 'CHANGELOG.md', 'CONVENTIONS.md', 'LICENSE', 'SECURITY.md', '.clang-format', 'biome.json'],
];

function sameFile(a, b) {
  return existsSync(b) && readFileSync(a).equals(readFileSync(b));
}

/**
 * Copies the project. What an earlier copy of the same name holds already is left as it is, with its build: a file that
 * changes, also back to what it was, is newer than what was made from it.
 * @returns the folder of the copy
 */
export function stagedCopy(name) {
  const folder = join(CACHE, name, 'project');
  for (const entry of CONTENTS) {
    const files = filesBelow(ROOT, entry);
    for (const file of files) {
      const [from, to] = [join(ROOT, file), join(folder, file)];
      if (sameFile(from, to)) continue;
      mkdirSync(dirname(to), { recursive: true });
      copyFileSync(from, to);
    }
    const wanted = new Set(files);
    for (const file of filesBelow(folder, entry)) if (!wanted.has(file)) rmSync(join(folder, file));
  }
  const modules = join(folder, 'node_modules');
  if (!existsSync(modules)) symlinkSync(join(ROOT, 'node_modules'), modules);
  return folder;
}

/** Builds the copy's addon; `flags` go to compiler and linker. */
export function buildAddon(folder, flags = []) {
  const cmakeJs = join(ROOT, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
  const text = flags.join(' ');
  // CMAKE_CXX_FLAGS are cmake-js's own. Always build/Release, where the tests look for the addon.
  const options = text === '' ? [] : [`--CDCMAKE_CXX_FLAGS_RELEASE=${text}`, `--CDCMAKE_MODULE_LINKER_FLAGS=${text}`];
  run(process.execPath, [cmakeJs, 'compile', ...options], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    env: { CMAKE_BUILD_PARALLEL_LEVEL: '2' },
  });
}

/** Runs test files of the copy; `options` are those of `run`. With `inOrder` their processes run their exit handlers. */
export function runTests(folder, files, { env = {}, inOrder = false, ...options } = {}) {
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const preload = `--require ${JSON.stringify(join(ROOT, 'tools', 'native', 'exit-in-order.cjs'))}`;
  const NODE_OPTIONS = inOrder ? preload : (process.env.NODE_OPTIONS ?? '');
  // What exit handlers write on a busy machine takes longer than the 10 s after which vitest leaves its processes alone.
  const patience = inOrder ? ['--teardownTimeout=120000'] : [];
  return run(process.execPath, [vitest, 'run', ...patience, ...files], {
    ...options,
    env: { ...env, NODE_OPTIONS },
    cwd: folder,
  });
}
