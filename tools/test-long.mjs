// Everything that is too long for CI, stage by stage: a stage that fails stops none that follow.
// Judges nothing itself: a stage is its commands, and their exit codes count. Takes hours.
//
//   node tools/test-long.mjs                           all; the report is bench/results/long.txt
//   node tools/test-long.mjs --only fuzz,kill          some; the report is .cache/long/report.txt, or --report FILE
//   node tools/test-long.mjs --seconds 600             of fuzzing, 3600 unless given
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, homedir, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { CACHE, command, ROOT, run } from './native/build-core.mjs';

const LOGS = join(CACHE, 'long');
const script = (name, ...args) => [process.execPath, join(ROOT, 'tools', name), ...args];
const vitest = (...args) => [process.execPath, join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args];

/** A test file that repeats itself far longer with EMA_LONG=1. */
const endurance = (file) => ({
  commands: [vitest('--reporter=verbose', `test/durability/${file}.test.ts`)],
  env: { EMA_LONG: '1' },
  keep: /^ *(✓|×|Test Files|Tests)|^ *long: /,
});

/** Each stage: what it runs, with which additions to the environment, and which lines of the output belong into the report. */
const stages = ({ seconds }) => ({
  coverage: { commands: [vitest('--coverage')], keep: /^ *(Test Files|Tests|Lines|All files)\b|threshold/ },
  'native-coverage': { commands: [script('native/coverage-native.mjs')], keep: / lines {2}/ },
  tidy: { commands: [script('native/clang-tidy.mjs')], keep: /no warning/ },
  sanitizers: {
    commands: [script('native/sanitize.mjs'), script('native/sanitize.mjs', 'plant')],
    keep: /reports|\d+ (passed|failed|updates|checks|cases)/,
  },
  fuzz: { commands: [script('native/fuzz-core.mjs', seconds)], keep: /^Done|stat::(number|peak)/ },
  ...Object.fromEntries(['kill', 'corruption', 'failures', 'processes', 'soak'].map((name) => [name, endurance(name)])),
  prebuilds: {
    commands: [script('release/prebuild.mjs'), script('release/verify-prebuilds.mjs', '--require-load')],
    keep: /tfjs-ema[\w.]*\.node/,
  },
  again: { commands: [script('release/prebuild.mjs', '--again')], keep: /tfjs-ema[\w.]*\.node/ },
  nodes: { commands: [script('release/test-nodes.mjs')], keep: /^(ok|--) / },
  wine: { commands: [script('release/test-wine.mjs', '--require')], keep: /^ok (win32|Node)|^Node .* win32: / },
  arm64: { commands: [script('release/test-arm64.mjs', '--require')], keep: /^(ok|FAILED) / },
  browser: { commands: [script('browser/test-browser.mjs', '--require')], keep: /^Chromium|^ *(Test Files|Tests)/ },
  tfjs: { commands: [script('release/test-tfjs.mjs')], keep: /^ok / },
  package: {
    commands: [script('release/pack-check.mjs'), script('release/sbom.mjs'), script('release/test-install.mjs')],
    keep: /^ok |\.tgz:|^\d+ files|dependencies,/,
  },
  faults: {
    commands: [script('native/planted-faults.mjs')],
    keep: /^(caught|NOT CAUGHT|does not (build|run))|\d passed/,
  },
});

/** A stage that takes longer stands still. */
const LIMIT_HOURS = 6;

/** Runs a command, its output shown and written to `log`; gives its exit code, or 1 for a signal. */
function show([program, ...args], env, log) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env: { ...process.env, ...env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_HOURS * 3600_000,
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes) => {
        process.stdout.write(bytes);
        log.write(bytes);
      });
    child.on('error', (error) => {
      log.write(`${error.message}\n`);
      resolve(1);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** The lines of a log that are worth keeping, without this machine's folders. */
function kept(path, keep) {
  const text = stripVTControlCharacters(readFileSync(path, 'utf8'));
  const lines = text.split('\n').filter((line) => keep.test(line));
  const folders = [`${ROOT}/`, ROOT, tmpdir(), homedir()];
  return lines.map((line) => folders.reduce((shorter, folder) => shorter.replaceAll(folder, ''), line.trimEnd()));
}

async function runStage(name, { commands, env = {}, keep }) {
  const started = performance.now();
  const path = join(LOGS, `${name}.txt`);
  const log = createWriteStream(path);
  let code = 0;
  for (const args of commands) {
    if (code !== 0) break;
    console.log(`== ${name}: ${args.slice(1).join(' ')}`);
    code = await show(args, env, log);
  }
  await new Promise((done) => log.end(done));
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  const result = code === 0 ? 'passed' : `FAILED (exit code ${code})`;
  console.log(`== ${name}: ${result} in ${minutes} min`);
  return {
    ok: code === 0,
    lines: [`${name}: ${result} in ${minutes} min`, ...kept(path, keep).map((l) => `    ${l}`)],
  };
}

/** Where and on what the stages ran. */
function heading({ only, seconds, report }) {
  const git = (...args) => run('git', args, { cwd: ROOT, stdio: 'pipe', encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' and changes';
  const version = (program) => run(program, ['--version'], { stdio: 'pipe', encoding: 'utf8' }).split('\n')[0];
  const tfjs = join(ROOT, 'node_modules', '@tensorflow', 'tfjs-node');
  const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
  const machine = `${cpus()[0]?.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`;
  return [
    `npm run test:long -- ${[...(only === undefined ? [] : ['--only', only]), '--seconds', seconds, ...(report === undefined ? [] : ['--report', report])].join(' ')}; ${new Date().toISOString().slice(0, 10)}, commit ${git('rev-parse', '--short=10', 'HEAD')}${changed}`,
    `${machine}; Node ${process.versions.node}, tfjs-node ${json(join(tfjs, 'package.json')).version}, TensorFlow ${json(join(tfjs, 'deps', 'tfjs-ema.json')).tensorflow}, ${version('g++')}`,
  ];
}

await command(async () => {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, report: { type: 'string' }, seconds: { type: 'string', default: '3600' } },
  });
  const all = stages(values);
  const wanted = values.only?.split(',') ?? Object.keys(all);
  const unknown = wanted.find((name) => !Object.hasOwn(all, name));
  if (unknown !== undefined)
    throw new Error(`there is no stage '${unknown}': name some of ${Object.keys(all).join(', ')}`);
  mkdirSync(LOGS, { recursive: true });
  const usual = values.only === undefined ? join(ROOT, 'bench', 'results', 'long.txt') : join(LOGS, 'report.txt');
  const report = resolve(values.report ?? usual);
  mkdirSync(dirname(report), { recursive: true });
  const lines = heading(values);
  let failed = 0;
  for (const name of wanted) {
    const stage = await runStage(name, all[name]);
    lines.push('', ...stage.lines);
    if (!stage.ok) failed++;
    // After each stage: hours later, something may end this process.
    writeFileSync(report, `${lines.join('\n')}\n`);
  }
  const last = `${wanted.length - failed} stages passed, ${failed} failed`;
  writeFileSync(report, `${[...lines, '', last].join('\n')}\n`);
  if (failed > 0) throw new Error(last);
  console.log(last);
});
