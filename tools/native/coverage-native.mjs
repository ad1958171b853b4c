// Lines of native/ that the tests run: the core's programs, the CUDA launcher's test on the fake driver, and the native suite in Node.
// Counts with gcov; needs g++, gcov and CMake. Prints each file's figure and fails below 90 %. Leaves everything in .cache/.
//
//   node tools/native/coverage-native.mjs [--missed] [--again]
//
// --missed also prints the lines that nothing runs; --again reads the counts of the last run.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow } from '../tensorflow/project.mjs';
import { buildCore, CACHE, command, run } from './build-core.mjs';
import { buildAddon, runTests, stagedCopy } from './staged-copy.mjs';

const WANTED = 90;
const FLAGS = ['--coverage', '-fprofile-update=atomic', '-O1'];
const NATIVE_TESTS = ['test/native/binding', 'test/native/op', 'test/native/fake-gpu', 'test/facade/engine/'];

/** The files of counts below a build folder. */
function countFiles(folder) {
  const files = filesBelow(folder).filter((file) => file.endsWith('.gcda'));
  return files.map((file) => join(folder, file));
}

/** A build folder with no counts of earlier runs. */
function fresh(folder) {
  for (const file of countFiles(folder)) rmSync(file);
  return folder;
}

function runAll() {
  const defines = ['CMAKE_BUILD_TYPE=Debug'];
  const core = fresh(buildCore('core-coverage', { flags: FLAGS, defines }));
  run(join(core, 'core_test'), ['--small'], { stdio: 'ignore' });
  const targets = ['cuda_core_test', 'fake_cuda', 'incomplete_cuda'];
  const cuda = fresh(buildCore('cuda-core-coverage', { source: 'cuda-core', flags: FLAGS, defines, targets }));
  const env = { FAKE_GPUS: '3' };
  run(join(cuda, 'cuda_core_test'), ['--incomplete', join(cuda, 'incomplete', 'libcuda.so.1')], {
    stdio: 'ignore',
    env,
  });
  run(join(cuda, 'cuda_core_test'), [join(cuda, 'fake', 'libcuda.so.1'), '--small'], { stdio: 'ignore', env });
  const folder = stagedCopy('coverage');
  buildAddon(folder, FLAGS);
  const addon = fresh(join(folder, 'build'));
  runTests(folder, NATIVE_TESTS, { inOrder: true, env: { TF_CPP_MIN_LOG_LEVEL: '2' } });
  return [core, cuda, addon];
}

/** Line counts of one object file: a list of { file, lines }. */
function countsOf(counts) {
  const text = run('gcov', ['--json-format', '--stdout', '--demangled-names', counts], {
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
    cwd: dirname(counts),
    maxBuffer: 1 << 28,
  });
  return text
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => JSON.parse(line).files);
}

/** The path of a source below native/, also of the copies that test/native/core makes of ema_cpu.cc; undefined for others. */
function nameOf(file) {
  // Other chunk sizes, the same lines.
  if (/\/ema_cpu_(avx2|baseline)_\d+\.cc$/.test(file)) return 'cpu/ema_cpu.cc';
  return /(?:^|(?<!\/test)\/)native\/((?:\w+\/)?\w+\.(?:cc|cu|h))$/.exec(file)?.[1];
}

/** For each file of native/, for each line with code, how often it ran in all builds together. */
function merge(builds) {
  const files = new Map();
  for (const counts of builds.flatMap(countFiles)) {
    for (const { file, lines } of countsOf(counts)) {
      const name = nameOf(file);
      if (name === undefined) continue;
      const merged = files.get(name) ?? new Map();
      for (const line of lines) merged.set(line.line_number, (merged.get(line.line_number) ?? 0) + line.count);
      files.set(name, merged);
    }
  }
  return files;
}

function report(files, missed) {
  let all = 0;
  let ran = 0;
  for (const [name, lines] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (lines.size === 0) continue;
    const never = [...lines].filter(([, count]) => count === 0).map(([line]) => line);
    all += lines.size;
    ran += lines.size - never.length;
    const share = ((1 - never.length / lines.size) * 100).toFixed(1);
    const which = missed && never.length > 0 ? `  never: ${never.sort((a, b) => a - b).join(', ')}` : '';
    console.log(`${share.padStart(6)} %  ${String(lines.size).padStart(4)} lines  native/${name}${which}`);
  }
  const share = (ran / all) * 100;
  console.log(
    `${share.toFixed(1).padStart(6)} %  ${String(all).padStart(4)} lines  in all; at least ${WANTED} % wanted`,
  );
  if (!(share >= WANTED)) throw new Error(`too few lines of native/ are run: ${share.toFixed(1)} %`);
}

await command(() => {
  const builds = process.argv.includes('--again')
    ? [join(CACHE, 'core-coverage'), join(CACHE, 'cuda-core-coverage'), join(CACHE, 'coverage', 'project', 'build')]
    : runAll();
  report(merge(builds), process.argv.includes('--missed'));
});
