// Windows, as far as Debian's wine is one: the CPU core passes its tests of C++; the published binary loads and computes, and an app on
// plain tfjs trains, saves and resumes, on each Node that wine can start.
// Says why where there is no wine, or no binary yet; `--require` then fails.
//
//   node tools/release/test-wine.mjs [--require]

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCore } from '../native/build-core.mjs';
import { PROJECT } from '../tensorflow/project.mjs';
import { NODE_VERSIONS, nodeRunner, runNode, wineCommand } from './node-program.mjs';
import { prebuildPath, TARGETS } from './targets.mjs';
import { zigProgram } from './zig.mjs';

const target = TARGETS.find(({ platform }) => platform === 'win32');
const runners = NODE_VERSIONS.map((version) => nodeRunner(target, version)).filter((runner) => runner !== undefined);
const binary = join(PROJECT, 'prebuilds', prebuildPath(target));

/** The app as one file, with our sources and tfjs in it. */
async function bundle(folder) {
  // The bundler that tsx brings along.
  const { build } = createRequire(createRequire(import.meta.url).resolve('tsx'))('esbuild');
  const outfile = join(folder, 'app.mjs');
  await build({
    entryPoints: [join(PROJECT, 'tools', 'release', 'windows-app.mjs')],
    ...{ bundle: true, platform: 'node', format: 'esm', outfile, logLevel: 'error' },
    alias: { 'tfjs-ema': join(PROJECT, 'src', 'index.ts') },
    // tfjs's CommonJS files in an ES module.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}

/** The tests of the CPU core, built by the compiler of the published binaries. */
async function tryCore(wine) {
  const toolchain = join(PROJECT, 'tools', 'release', 'zig-toolchain.cmake');
  Object.assign(process.env, {
    TFJS_EMA_ZIG: await zigProgram(),
    TFJS_EMA_ZIG_TARGET: target.zigTarget,
    TFJS_EMA_LINK: '',
  });
  const build = buildCore('core-win32', { defines: ['CMAKE_BUILD_TYPE=Release', `CMAKE_TOOLCHAIN_FILE=${toolchain}`] });
  for (const program of ['core_test.exe', 'core_race.exe']) {
    const { status, output } = runNode(wine, [join(build, program)]);
    if (status !== 0) throw new Error(`${program} by ${wine.join(' ')}: exit code ${status}\n${output}`);
    process.stdout.write(`ok win32 ${program}: ${output.split('\n').at(-1)}\n`);
  }
}

function tryOn(runner, script, args) {
  const { status, output } = runNode(runner, [script, ...args]);
  if (status !== 0) throw new Error(`${script} by ${runner.join(' ')}: exit code ${status}\n${output}`);
  process.stdout.write(`ok ${output}\n`);
}

const isRequired = process.argv.includes('--require');
const missing = [
  ...(runners.length === 0 ? ['there is no wine: "apt-get install wine64" on Debian'] : []),
  ...(existsSync(binary) ? [] : [`there is no ${prebuildPath(target)}: "node tools/release/prebuild.mjs" makes it`]),
];
for (const reason of missing) process.stdout.write(`${isRequired ? 'FAILED' : 'skipped'}: ${reason}\n`);
if (missing.length > 0) process.exit(isRequired ? 1 : 0);

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-wine-'));
try {
  await tryCore(wineCommand(target.arch));
  const app = await bundle(folder);
  for (const runner of runners) {
    tryOn(runner, join(PROJECT, 'tools', 'release', 'load-check.mjs'), [binary]);
    tryOn(runner, app, []);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
