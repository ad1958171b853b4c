// clang-tidy over every C++ source of native/, compiled as CMakeLists.txt says, with the checks of .clang-tidy; any warning is an error.
// Needs clang-tidy (Debian: apt-get install clang-tidy-16), or CLANG_TIDY, and build/, which `npm run build:native` makes; skips nothing.
//
//   node tools/native/clang-tidy.mjs [FILE ...]
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { findProgram } from '../tensorflow/run.mjs';
import { command, ROOT, run } from './build-core.mjs';

const BUILD = join(ROOT, 'build');

/** The sources that the addon is made of on this machine. */
function sources() {
  const commands = join(BUILD, 'compile_commands.json');
  if (!existsSync(commands))
    throw new Error('there is no build/compile_commands.json: "npm run build:native" writes it');
  const files = JSON.parse(readFileSync(commands, 'utf8')).map(({ file }) => relative(ROOT, file));
  return files.filter((file) => file.startsWith('native/')).sort();
}

await command(() => {
  const tidy = findProgram([process.env.CLANG_TIDY, 'clang-tidy', 'clang-tidy-19', 'clang-tidy-16', 'clang-tidy-14']);
  if (tidy === undefined) {
    throw new Error(
      'no clang-tidy was found: "apt-get install clang-tidy-16" on Debian, or set CLANG_TIDY to its path',
    );
  }
  const asked = process.argv.slice(2);
  const files = asked.length > 0 ? asked : sources();
  for (const file of files) run(tidy, ['--quiet', '-p', BUILD, file], { cwd: ROOT, stdio: 'pipe', encoding: 'utf8' });
  console.log(`${files.length} files, no warning`);
});
