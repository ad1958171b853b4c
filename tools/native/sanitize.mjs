// The native side under sanitizers: the core's programs under ASan + UBSan + LSan and under TSan, then the addon under the first
// three inside real Node with real TensorFlow. Fails when a report has a frame of ours; reports of Node's or TensorFlow's own are counted.
// Needs g++ with its sanitizers, and CMake. Leaves everything in .cache/.
//
//   node tools/native/sanitize.mjs          all
//   node tools/native/sanitize.mjs core     the stand-alone programs only; or: threads, node
//   node tools/native/sanitize.mjs plant    plants an overflow and a leak in the addon, each of which must be reported
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildCore, CACHE, command, ROOT, run } from './build-core.mjs';
import { buildAddon, runTests, stagedCopy } from './staged-copy.mjs';

const MEMORY = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-fno-omit-frame-pointer'];
const DEBUG = ['CMAKE_BUILD_TYPE=RelWithDebInfo'];
const NATIVE_TESTS = ['test/native/binding.test.ts', 'test/native/op.test.ts', 'test/facade/engine/contract.test.ts'];
// Its bound on the growth of RSS does not hold where freed memory is kept back, as ASan does.
const NOT_MEASURED = '^(?!.*leave no kernels behind)';
const LOGS = join(CACHE, 'sanitize', 'logs');

function core() {
  const build = buildCore('core-memory', { flags: MEMORY, defines: DEBUG });
  run(join(build, 'core_test'), ['--small'], { env: { ASAN_OPTIONS: 'detect_leaks=1' } });
  run(join(build, 'core_race'), [], { env: { ASAN_OPTIONS: 'detect_leaks=1' } });
}

function threads() {
  const build = buildCore('core-threads', { flags: ['-fsanitize=thread'], defines: DEBUG, targets: ['core_race'] });
  run(join(build, 'core_race'), ['10000'], { env: { TSAN_OPTIONS: 'halt_on_error=1' } });
}

/** The path of one of the compiler's libraries. */
function libraryOf(name) {
  const path = run('g++', [`-print-file-name=${name}`], { stdio: 'pipe', encoding: 'utf8' }).trim();
  if (path === name) throw new Error(`g++ has no ${name}: install its sanitizers (libasan, libubsan)`);
  return path;
}

/** What the dynamic linker and the sanitizers are told. Reports go to files, one per process. */
function environment() {
  rmSync(LOGS, { recursive: true, force: true });
  mkdirSync(LOGS, { recursive: true });
  const address = {
    detect_leaks: 1,
    // Leaks of Node's and of other addons' must not end a test: the frames are read below.
    exitcode: 0,
    log_path: join(LOGS, 'asan'),
    // TensorFlow pairs malloc with its own delete.
    alloc_dealloc_mismatch: 0,
    detect_odr_violation: 0,
    handle_segv: 0,
    allow_user_segv_handler: 1,
  };
  const list = (options) =>
    Object.entries(options)
      .map(([name, value]) => `${name}=${value}`)
      .join(':');
  return {
    TF_CPP_MIN_LOG_LEVEL: '2',
    LD_PRELOAD: ['libasan.so', 'libubsan.so', 'libstdc++.so'].map(libraryOf).join(' '),
    ASAN_OPTIONS: list(address),
    UBSAN_OPTIONS: list({ print_stacktrace: 1, log_path: join(LOGS, 'ubsan') }),
  };
}

const OURS = /tfjs_ema\.node|native\/(\w+\/)?\w+\.(cc|h)/;
// A frame in another binary. The sanitizer's own frames and those of the C++ library, inlined or not, decide nothing.
const FOREIGN = /\(\/\S*(\/node|libtensorflow\S*|(?<!tfjs_ema)\.node)\+0x/;

/** Whether a report is about what our code did. Memory that Node or TensorFlow allocated when we called them is theirs to release. */
function isOurs(report) {
  if (!/leak of/.test(report)) return OURS.test(report);
  const frames = report.split('\n').filter((line) => /^\s+#\d/.test(line));
  const foreign = frames.findIndex((frame) => FOREIGN.test(frame));
  return OURS.test(frames.slice(0, foreign < 0 ? frames.length : foreign).join('\n'));
}

/** The reports of a run, cut at their headings. */
function reports() {
  const all = readdirSync(LOGS).flatMap((file) =>
    readFileSync(join(LOGS, file), 'utf8')
      .split(/\n(?=Direct leak|Indirect leak|=+\d+=+ERROR|[^\n]*runtime error:)/)
      .filter((text) => /leak of|ERROR: AddressSanitizer|runtime error:/.test(text)),
  );
  return { all, ours: all.filter(isOurs) };
}

function nodeSuite() {
  const folder = stagedCopy('sanitize');
  buildAddon(folder, [...MEMORY, '-g']);
  runTests(folder, [...NATIVE_TESTS, '-t', NOT_MEASURED], { inOrder: true, env: environment() });
  const { all, ours } = reports();
  console.log(`${all.length} reports, ${ours.length} with a frame of ours`);
  if (ours.length > 0) throw new Error(ours.join('\n\n'));
}

// Each is put into the addon's lerp(), which test/native/binding.test.ts calls.
const PLANTED = {
  leak: '  [[maybe_unused]] static thread_local float* kept; kept = std::make_unique<float[]>(9).release();\n',
  overflow: '  std::vector<float> nine(9); volatile float* at = nine.data(); at[5 + info.Length()] = 1.0f;\n',
};

function plant() {
  for (const [name, text] of Object.entries(PLANTED)) {
    const folder = stagedCopy('sanitize');
    const file = join(folder, 'native', 'addon.cc');
    const source = readFileSync(file, 'utf8');
    const place = 'void Lerp(const Napi::CallbackInfo& info) {\n';
    if (!source.includes(place)) throw new Error(`native/addon.cc has no "${place.trim()}" any more`);
    writeFileSync(
      file,
      source.replace(place, place + text).replace('#include <cstring>\n', '#include <cstring>\n#include <memory>\n'),
    );
    buildAddon(folder, [...MEMORY, '-g']);
    try {
      runTests(folder, ['test/native/binding.test.ts'], {
        inOrder: true,
        env: environment(),
        stdio: 'pipe',
        encoding: 'utf8',
      });
    } catch {
      // An overflow ends the process, and the suite with it.
    }
    const { ours } = reports();
    console.log(`${name}: ${ours.length} reports with a frame of ours`);
    if (ours.length === 0) throw new Error(`the planted ${name} was not reported: this gate is blind`);
  }
}

/**
 * Runs this script again with addresses in a fixed place, where that is allowed, and tells whether it did: sanitizers of older compilers
 * do not start where the system spreads addresses widely (TSan of GCC 12: above 28 bits).
 */
function ranInFixedPlace() {
  const marked = process.env.TFJS_EMA_FIXED_ADDRESSES === '1';
  if (marked || spawnSync('setarch', ['-R', 'true']).status !== 0) return false;
  const again = ['-R', process.execPath, ...process.argv.slice(1)];
  run('setarch', again, { env: { TFJS_EMA_FIXED_ADDRESSES: '1' } });
  return true;
}

const PARTS = { core, threads, node: nodeSuite, plant };

await command(() => {
  const asked = process.argv.slice(2);
  const unknown = asked.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined)
    throw new Error(`there is no part '${unknown}': name some of ${Object.keys(PARTS).join(', ')}`);
  process.chdir(ROOT);
  if (ranInFixedPlace()) return;
  for (const name of asked.length > 0 ? asked : ['core', 'threads', 'node']) PARTS[name]();
});
