// Step "addon": the native engine, built by cmake-js into build/Release; skipped while its sources are unchanged.
// Without a compiler the project still works, on the js engine: one line says so.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { findCompiler } from './binding.mjs';
import { BootstrapError } from './errors.mjs';
import { say, step } from './log.mjs';
import { filesBelow, PROJECT, packageJson } from './project.mjs';
import { findProgram, run, tail } from './run.mjs';

const BUILD = join(PROJECT, 'build');
const ADDON = join(BUILD, 'Release', 'tfjs_ema.node');
const STAMP = join(BUILD, 'Release', 'tfjs_ema.sources');
// What CMakeLists.txt reads beside native/; absent ones count as empty.
const INPUTS = ['CMakeLists.txt', 'native'];

/** Builds the addon unless it is there and made of these very sources. */
export async function ensureAddon() {
  if (!existsSync(join(PROJECT, 'CMakeLists.txt'))) return;
  const hash = hashSources();
  if (readText(STAMP) === stamp(hash)) return;
  const missing = missingTools();
  if (missing !== '') {
    say(`${missing}: the native engine is not built, the js engine does its work (slower, same results)`);
    say('  to get the native one: "apt-get install g++ make cmake" (on Debian), then run again');
    return;
  }
  await step('native engine (cmake-js)', async () => {
    await compile();
    return {};
  });
  writeFileSync(`${STAMP}.${process.pid}`, stamp(hash));
  renameSync(`${STAMP}.${process.pid}`, STAMP);
}

function missingTools() {
  if (findCompiler() === undefined) return 'no C++ compiler was found';
  if (findProgram(['cmake']) === undefined) return 'cmake was not found';
  if (findProgram(['ninja', 'make']) === undefined) return 'make was not found';
  return '';
}

async function compile() {
  // cmake refuses a build folder that was made under another path.
  const cached = readText(join(BUILD, 'CMakeCache.txt'));
  if (cached !== '' && !cached.includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${PROJECT}\n`))
    rmSync(BUILD, { recursive: true });
  mkdirSync(BUILD, { recursive: true });
  const env = { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()), ...process.env };
  const cmakeJs = join(PROJECT, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
  const result = await run(process.execPath, [cmakeJs, 'compile'], { cwd: PROJECT, env, limitS: 1200 });
  if (result.ok && existsSync(ADDON)) return;
  throw new BootstrapError(
    `the native engine did not build (${result.ended || `exit code ${result.code}`}):\n${tail(result.output, 40)}`,
    'mend what the compiler names; TFJS_EMA_SKIP_ADDON=1 goes on with the js engine',
  );
}

function hashSources() {
  const hash = createHash('sha256').update(`${process.arch} ${process.env.CXX ?? ''}`);
  for (const name of ['node-addon-api', 'node-api-headers', 'cmake-js']) hash.update(packageJson(name).version);
  hash.update(JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')).version);
  for (const path of INPUTS.flatMap((input) => filesBelow(PROJECT, input)))
    hash.update(path).update(readFileSync(join(PROJECT, path)));
  return hash.digest('hex');
}

/** What the stamp says when these sources made this very file: a build for another machine may have replaced it. */
function stamp(hash) {
  const file = statSync(ADDON, { throwIfNoEntry: false });
  return file === undefined ? 'none' : `${hash} ${file.size} ${file.mtimeMs}`;
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
