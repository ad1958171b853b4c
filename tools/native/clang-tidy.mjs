// clang-tidy over every C++ source of native/, with the checks of .clang-tidy; any warning is an error.
// Needs clang-tidy (Debian: apt-get install clang-tidy-14), or CLANG_TIDY; skips nothing.
//
//   node tools/native/clang-tidy.mjs [FILE ...]
import { createRequire } from 'node:module';
import { arch } from 'node:os';
import { join, resolve } from 'node:path';
import { filesBelow } from '../tensorflow/project.mjs';
import { findProgram } from '../tensorflow/run.mjs';
import { command, ROOT, run } from './build-core.mjs';

const require = createRequire(import.meta.url);

/** The flags of CMakeLists.txt that change what the compiler sees. */
function flags(file) {
  const folders = [require('node-addon-api').include_dir, require('node-api-headers').include_dir];
  const includes = folders.flatMap((folder) => ['-isystem', resolve(ROOT, folder)]);
  const defines = ['-DNAPI_VERSION=8', '-DNAPI_CPP_EXCEPTIONS', '-DTFJS_EMA_VERSION="0"', '-DBUILDING_NODE_EXTENSION'];
  return [
    '-std=c++17',
    ...(file.includes('avx2') ? ['-mavx2', '-mfma'] : []),
    ...defines,
    `-I${join(ROOT, 'native')}`,
    ...includes,
  ];
}

await command(() => {
  const tidy = findProgram([process.env.CLANG_TIDY, 'clang-tidy', 'clang-tidy-19', 'clang-tidy-16', 'clang-tidy-14']);
  if (tidy === undefined) {
    throw new Error(
      'no clang-tidy was found: "apt-get install clang-tidy-14" on Debian, or set CLANG_TIDY to its path',
    );
  }
  const all = filesBelow(ROOT, 'native').filter((file) => file.endsWith('.cc'));
  const asked = process.argv.slice(2);
  const files = (asked.length > 0 ? asked : all).filter((file) => arch() === 'x64' || !file.includes('avx2'));
  for (const file of files) {
    run(tidy, ['--quiet', file, '--', ...flags(file)], { cwd: ROOT, stdio: 'pipe', encoding: 'utf8' });
  }
  console.log(`${files.length} files, no warning`);
});
