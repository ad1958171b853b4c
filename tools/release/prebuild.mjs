// Builds the published binaries, prebuilds/<platform>-<arch>/: prebuildify drives cmake-js with Zig as the compiler.
// Judges no binary: that is tools/release/verify-prebuilds.mjs.
//
//   node tools/release/prebuild.mjs [TARGET ...] [--out FOLDER]     all targets, into the checkout, unless told otherwise
//   node tools/release/prebuild.mjs [TARGET ...] --again            builds once more elsewhere, and compares with what is there

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BootstrapError } from '../tensorflow/errors.mjs';
import { PROJECT } from '../tensorflow/project.mjs';
import { report } from '../tensorflow/steps.mjs';
import { prebuildPath, TARGETS } from './targets.mjs';
import { zigProgram } from './zig.mjs';

const SOURCES = ['CMakeLists.txt', 'package.json', 'native', 'tools'];
const CMAKE_TARGET = 'tfjs_ema';

/** Windows links against a list of what node.exe exports: made of the two that come with Node-API's headers. */
function nodeLibrary(zig, folder) {
  const { def_paths } = createRequire(import.meta.url)('node-api-headers');
  const [definition, library] = ['node.def', 'node.lib'].map((name) => join(folder, name));
  const names = Object.values(def_paths).flatMap((path) => readFileSync(path, 'utf8').split('EXPORTS')[1].trim());
  writeFileSync(definition, `NAME NODE.EXE\nEXPORTS\n${names.join('\n')}\n`);
  execFileSync(zig, ['dlltool', '-m', 'i386:x86-64', '-D', 'node.exe', '-d', definition, '-l', library]);
  return library;
}

/** Builds one binary in a copy of the sources: prebuildify empties build/, which may hold a developer's own. */
function build({ platform, arch, zigTarget }, { out, zig, env = {} }) {
  const stage = mkdtempSync(join(tmpdir(), 'tfjs-ema-prebuild-'));
  try {
    for (const source of SOURCES) cpSync(join(PROJECT, source), join(stage, source), { recursive: true });
    symlinkSync(join(PROJECT, 'node_modules'), join(stage, 'node_modules'));
    // prebuildify hands its target on as `--target=NAME`: a Node version to node-gyp, but a CMake target to cmake-js.
    const libc = platform === 'linux' ? ['--tag-libc=glibc'] : [];
    const options = ['--napi', ...libc, '-t', CMAKE_TARGET, '--node-gyp', 'cmake-js'];
    const places = ['--platform', platform, '--arch', arch, '--cwd', stage, '--out', out];
    const manifest = createRequire(import.meta.url).resolve('prebuildify/package.json');
    const { status, error } = spawnSync(process.execPath, [join(dirname(manifest), 'bin.js'), ...options, ...places], {
      stdio: 'inherit',
      cwd: stage,
      env: {
        ...process.env,
        ...env,
        CMAKE_TOOLCHAIN_FILE: join(stage, 'tools', 'release', 'zig-toolchain.cmake'),
        TFJS_EMA_ZIG: zig,
        TFJS_EMA_ZIG_TARGET: zigTarget,
        TFJS_EMA_LINK: platform === 'win32' ? nodeLibrary(zig, stage) : '',
      },
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`prebuildify ended with ${status} for ${platform}-${arch}`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Builds once more, in another folder and with nothing that the compiler kept, and throws where a byte differs. */
function buildAgain(target, { out, zig }) {
  const first = join(out, 'prebuilds', prebuildPath(target));
  if (!existsSync(first)) throw new BootstrapError(`${first} is not there`, 'build it first, without --again');
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-again-'));
  try {
    build(target, { out: folder, zig, env: { ZIG_GLOBAL_CACHE_DIR: join(folder, 'zig-cache') } });
    const bytes = readFileSync(first);
    if (!bytes.equals(readFileSync(join(folder, 'prebuilds', prebuildPath(target)))))
      throw new Error(
        `${prebuildPath(target)}: a second build gave other bytes; were the first one's sources the same?`,
      );
    process.stdout.write(`${prebuildPath(target)}: a second build gave the same ${bytes.length} bytes\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string', default: PROJECT }, again: { type: 'boolean', default: false } },
  });
  const names = TARGETS.map(({ platform, arch }) => `${platform}-${arch}`);
  const unknown = positionals.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new BootstrapError(
      `there is no target '${unknown}'`,
      `name some of: ${names.join(', ')}; without a name all are built`,
    );
  const wanted = TARGETS.filter((_, i) => positionals.length === 0 || positionals.includes(names[i]));
  const zig = await zigProgram();
  const make = values.again ? buildAgain : build;
  for (const target of wanted) make(target, { out: resolve(values.out), zig });
}

try {
  await main();
} catch (error) {
  report(error);
  process.exit(1);
}
