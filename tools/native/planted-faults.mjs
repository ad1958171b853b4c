// Planted faults: guards of the library are taken out one by one in a copy of the project, and the smallest test that is about each must fail.
// So are, for each row of docs/features.json, what it promises: the test that the row names must fail, run alone.
// What the faults are is in test/native/faults/*.mjs. Takes long: part of `npm run test:long`. Leaves the copy in .cache/faults.
//
//   node tools/native/planted-faults.mjs                    all
//   node tools/native/planted-faults.mjs --only pool        those with "pool" in file, test or name
//   node tools/native/planted-faults.mjs --only features    those of the rows of docs/features.json
//   node tools/native/planted-faults.mjs --check            only whether each text is still found once
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { assigned, locate, pattern } from '../documents/named-tests.mjs';
import { buildCore, command, ROOT, run } from './build-core.mjs';
import { buildAddon, runTests, stagedCopy } from './staged-copy.mjs';

const FAULTS = join(ROOT, 'test', 'native', 'faults');
// A guard whose loss makes the test wait for ever is caught as well.
const limited = (seconds) => ({
  ...{ stdio: 'pipe', encoding: 'utf8', timeout: seconds * 1000, killSignal: 'SIGKILL', maxBuffer: 1 << 28 },
});
const CORE = limited(60); // takes 3 s
const QUIET = limited(240);

/** Each fault: { name, file, find, replace } or { name, edits }; `test`: core, cuda, ptx, or a test file; `only`: which test in it. */
async function load(wanted) {
  const files = readdirSync(FAULTS).filter((file) => file.endsWith('.mjs'));
  const lists = await Promise.all(
    files.sort().map(async (file) => ({ file, faults: (await import(join(FAULTS, file))).faults })),
  );
  const all = lists
    .flatMap(({ file, faults }) => (file === 'features.mjs' ? ofFeatures(faults) : faults))
    .map((fault) => ({ edits: [fault], ...fault }));
  return all.filter(({ name, test, row, edits }) =>
    [name, test, row === undefined ? '' : 'features', ...edits.map(({ file }) => file)].some((text) =>
      text.includes(wanted),
    ),
  );
}

/** What rows of docs/features.json promise, each with the test that they name. */
function ofFeatures(faults) {
  const { groups } = JSON.parse(readFileSync(join(ROOT, 'docs', 'features.json'), 'utf8'));
  return assigned(
    groups.flatMap(({ rows }) => rows),
    faults,
  ).map(({ named, ...fault }) => {
    const { file: test, name: only } = locate(ROOT, named);
    return { ...fault, name: fault.row, test, only };
  });
}

/** The text of a file with the fault in it; `find` may be a pattern, whose first match counts. */
function planted(text, { file, find, replace }) {
  if (find instanceof RegExp) {
    if (!find.test(text)) throw new Error(`${file}: not found:\n${find}`);
    return text.replace(find, replace);
  }
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`${file}: expected once, found ${count} times:\n${find}`);
  return text.replace(find, () => replace);
}

/** Builds what a test needs of the copy, and returns a function that runs the test; it throws when the test fails. */
function prepare(folder, test, native) {
  const core = { root: folder, defines: ['CMAKE_BUILD_TYPE=None'], flags: ['-O1'] };
  if (test === 'core') {
    const build = buildCore(join('faults', 'core'), core);
    return () => run(join(build, 'core_test'), ['--small'], CORE);
  }
  if (test === 'cuda' || test === 'ptx') {
    const targets = ['cuda_core_test', 'fake_cuda', 'ptx_cuda', 'incomplete_cuda'];
    const build = buildCore(join('faults', 'cuda-core'), { ...core, source: 'cuda-core', targets });
    const suite = (...args) => run(join(build, 'cuda_core_test'), args, { ...QUIET, env: { FAKE_GPUS: '3' } });
    if (test === 'ptx') return () => suite(join(build, 'ptx', 'libcuda.so.1'), '--small', '--stop');
    return () => {
      suite('--incomplete', join(build, 'incomplete', 'libcuda.so.1'));
      suite(join(build, 'fake', 'libcuda.so.1'), '--small', '--stop');
    };
  }
  if (native) buildAddon(folder);
  return () => runTests(folder, [test], QUIET);
}

/**
 * Runs tests of the copy whose names hold one of these texts.
 * @returns the full names of those that passed and that failed, by file; undefined where they ran into the limit.
 */
function named(folder, { files, names, limits = QUIET, options = [] }) {
  const report = join(folder, '.named-tests.json');
  rmSync(report, { force: true });
  let failure;
  try {
    runTests(folder, [...files, '-t', pattern(names), '--reporter=json', `--outputFile=${report}`, ...options], limits);
  } catch (error) {
    failure = error;
  }
  if (!existsSync(report)) {
    if (failure?.message.includes('ETIMEDOUT')) return undefined;
    throw failure ?? new Error('vitest left no report');
  }
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map((one) => ({ file: name, ...one })),
  );
  const of = (status) => tests.filter((one) => one.status === status);
  return { passed: of('passed'), failed: of('failed'), failure };
}

/** undefined when the one test failed, as it should; else what went wrong. */
function verdictOfNamed(folder, { test, only }) {
  const found = named(folder, { files: [test], names: [only], options: ['--bail=1'] });
  // A guard whose loss makes the test wait for ever is caught as well.
  if (found === undefined || found.failed.length > 0) return undefined;
  return found.failure === undefined ? 'NOT CAUGHT' : `does not run: ${found.failure.message.split('\n')[0]}`;
}

/** undefined when the test failed, as it should; else what went wrong. */
function verdict(folder, fault) {
  const before = fault.edits.map(({ file }) => ({
    path: join(folder, file),
    text: readFileSync(join(folder, file), 'utf8'),
  }));
  try {
    for (const edit of fault.edits) {
      const path = join(folder, edit.file);
      writeFileSync(path, planted(readFileSync(path, 'utf8'), edit));
    }
    let test;
    if (fault.only !== undefined) {
      if (isNative(fault)) buildAddon(folder);
      return verdictOfNamed(folder, fault);
    }
    try {
      test = prepare(folder, fault.test, isNative(fault));
    } catch (error) {
      return `does not build: ${error.message.split('\n').find((line) => /\berror: /.test(line)) ?? error.message}`;
    }
    try {
      test();
    } catch {
      return undefined;
    }
    return 'NOT CAUGHT';
  } finally {
    for (const { path, text } of before) writeFileSync(path, text);
  }
}

/** What the addon is made of; the kernel is in it as PTX, and tests build what runs it on the host. */
const isNative = ({ edits }) => edits.some(({ file }) => /^native\/.*(?<!\.cu)$|CMakeLists/.test(file));

/** Without faults every test must pass, else its failing says nothing. */
function checkGreen(folder, faults) {
  const native = faults.some((fault) => isNative(fault) && fault.test.startsWith('test/'));
  checkNamedGreen(
    folder,
    faults.filter(({ only }) => only !== undefined),
  );
  for (const test of new Set(faults.flatMap(({ test, only }) => (only === undefined ? [test] : [])))) {
    try {
      prepare(folder, test, native || test.startsWith('test/'))();
    } catch (error) {
      throw new Error(`${test} fails without any fault, so that it can catch none:\n${error.message}`);
    }
    console.log(`green without faults: ${test}`);
  }
}

/** The same of tests that run alone, all at once. */
function checkNamedGreen(folder, faults) {
  if (faults.length === 0) return;
  buildAddon(folder);
  const files = [...new Set(faults.map(({ test }) => test))];
  const names = [...new Set(faults.map(({ only }) => only))];
  const found = named(folder, { files, names, limits: limited(1800) });
  if (found === undefined) throw new Error('the named tests do not end');
  const isOf = ({ test, only }, one) => one.file.endsWith(test) && one.fullName.includes(only);
  for (const fault of faults) {
    const what = `${fault.test}, '${fault.only}'`;
    if (found.failed.some((one) => isOf(fault, one)))
      throw new Error(`${what} fails without any fault, so that it can catch none`);
    if (!found.passed.some((one) => isOf(fault, one))) throw new Error(`${what} is no test that runs here`);
  }
  console.log(`green without faults: ${found.passed.length} tests in ${files.length} files that rows name`);
}

await command(async () => {
  const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, check: { type: 'boolean' } } });
  const faults = await load(values.only);
  if (faults.length === 0) throw new Error(`no fault has '${values.only}' in its name, test or file`);
  for (const { edits } of faults) for (const edit of edits) planted(readFileSync(join(ROOT, edit.file), 'utf8'), edit);
  if (values.check) {
    console.log(`${faults.length} faults, each found in its place`);
    return;
  }
  const folder = stagedCopy('faults');
  mkdirSync(dirname(folder), { recursive: true });
  checkGreen(folder, faults);
  let missed = 0;
  for (const fault of faults) {
    const started = Date.now();
    const wrong = verdict(folder, fault);
    if (wrong !== undefined) missed++;
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    const where = fault.edits[0].file;
    console.log(
      `${(wrong ?? 'caught').padEnd(10)}  ${seconds.padStart(5)} s  ${fault.test.padEnd(26)}  ${where}: ${fault.name}`,
    );
  }
  console.log(`${faults.length - missed} passed, ${missed} failed`);
  if (missed > 0) throw new Error('a guard that no test misses is no guard, or its test is none');
});
