// The tarball in apps of strangers: npm, pnpm and yarn, scripts off, no compiler in PATH; with tfjs-node and with plain tfjs.
// Its declarations are compiled there by the oldest TypeScript and this one's.
// Uses of the checkout the tarball, the README's example, and tfjs-node's binding, whose download may be out of reach.
//
//   node tools/release/test-install.mjs [npm] [pnpm] [yarn]     default: all three

import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../tensorflow/cache.mjs';
import { PROJECT } from '../tensorflow/project.mjs';
import { pack } from './pack.mjs';
import { TARGETS } from './targets.mjs';

const require = createRequire(import.meta.url);
const TFJS_VERSION = '4.22.0';

/** Each manager, the npm package that carries it, its program there, and how it adds packages without running their scripts. */
const MANAGERS = [
  { name: 'npm', add: ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'] },
  { name: 'pnpm', version: '10.34.9', program: 'bin/pnpm.cjs', add: ['add', '--ignore-scripts', '--prefer-offline'] },
  {
    name: 'yarn',
    version: '1.22.22',
    program: 'bin/yarn.js',
    add: ['add', '--ignore-scripts', '--prefer-offline', '--non-interactive', '--no-lockfile'],
  },
];

/** The oldest TypeScript that the declarations are written for, beside the one of this checkout. */
const OLD_TYPESCRIPT = { name: 'typescript', version: '5.0.4', program: 'bin/tsc' };

/** Elsewhere tfjs-node compiles its binding when it is installed: CI tries the native engine there by the tests themselves. */
const isNative =
  process.platform === 'linux' && TARGETS.some(({ platform, arch }) => platform === 'linux' && arch === process.arch);
const APPS = [
  ...(isNative ? [{ tfjs: '@tensorflow/tfjs-node', engine: 'native' }] : []),
  { tfjs: '@tensorflow/tfjs', engine: 'js' },
];

const work = realpathSync(mkdtempSync(join(tmpdir(), 'tfjs-ema-install-')));

/** A PATH on which there is nothing but Node: a package that wanted to compile would fail. */
function barePath() {
  const bin = join(work, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  return bin;
}

/** A program's own file: npm's lies beside this Node, others come from the registry, once. */
function programOf({ name, version, program }) {
  if (name === 'npm') return process.env.npm_execpath ?? realpathSync(join(dirname(process.execPath), 'npm'));
  const folder = join(cacheDirectory(), 'managers');
  const path = join(folder, 'node_modules', name, program);
  const installed = existsSync(path) && require(join(folder, 'node_modules', name, 'package.json')).version === version;
  if (!installed) {
    mkdirSync(folder, { recursive: true });
    execFileSync(
      'npm',
      ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`],
      { stdio: ['ignore', 2, 2] },
    );
  }
  return path;
}

function runNode(cwd, args, env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} in ${cwd} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** What tfjs-node's own install script would have fetched: the libraries and the binding of this checkout. */
function placeBinding(app) {
  const from = dirname(require.resolve('@tensorflow/tfjs-node/package.json'));
  const to = dirname(createRequire(join(app, 'package.json')).resolve('@tensorflow/tfjs-node/package.json'));
  for (const part of ['deps', 'lib']) symlinkSync(join(from, part), join(to, part));
}

/** What the README's first example takes for granted; its windows, shares of the run, need some 160 steps. */
const README_PREAMBLE = `
const x = tf.randomNormal([512, 4]);
const y = x.sum(1, true);
const [xVal, yVal, xTest, yTest] = [x, y, x, y];
const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4] })] });
model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
`;

/** The README's first example as a program: its imports, a model and data, then the rest of it, word for word. */
function readmeProgram() {
  const path = join(PROJECT, 'README.md');
  const block = existsSync(path) ? /```(?:js|ts)\n([\s\S]*?)```/.exec(readFileSync(path, 'utf8')) : null;
  if (block === null) throw new Error('expected an example in README.md; found none');
  const lines = block[1].split('\n');
  const isImport = (line) => line.startsWith('import ');
  return [...lines.filter(isImport), README_PREAMBLE, ...lines.filter((line) => !isImport(line))].join('\n');
}

const TSCONFIG = {
  compilerOptions: {
    ...{ target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', lib: ['ES2022', 'DOM'], types: [] },
    ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
  },
  files: ['app-types.ts'],
};

/** Compiles a program with our declarations, old and new TypeScript, all of them checked. Faults of tfjs's own declarations are not ours. */
function checkTypes(app) {
  cpSync(join(PROJECT, 'tools', 'release', 'app-types.ts'), join(app, 'app-types.ts'));
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  for (const tsc of [programOf(OLD_TYPESCRIPT), require.resolve('typescript/bin/tsc')]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '--listFiles', '-p', app], {
      cwd: app,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    const errors = stdout.split('\n').filter((line) => /\berror TS\d+:/.test(line));
    const ours = errors.filter((line) => /^error|^app-types\.ts|node_modules\/tfjs-ema\//.test(line));
    const isRead = /node_modules\/tfjs-ema\/dist\/index\.d\.ts$/m.test(stdout);
    if (ours.length > 0 || !isRead || (status !== 0 && errors.length === 0))
      throw new Error(`${tsc} in ${app} ended with ${status}:\n${ours.join('\n')}${stderr}`);
  }
}

function bytesOf(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => statSync(join(folder, name)));
  return files.filter((file) => file.isFile()).reduce((sum, { size }) => sum + size, 0);
}

/** Nothing of this process's environment but what the registry's address and the caches depend on. */
function environment(bin) {
  const kept = Object.entries(process.env).filter(([name]) =>
    /^(HOME$|npm_config_|XDG_|https?_proxy|NODE_EXTRA)/i.test(name),
  );
  return { ...Object.fromEntries(kept), PATH: bin, TF_CPP_MIN_LOG_LEVEL: '2' };
}

function tryApp(manager, { tfjs, engine }, { tarball, bin }) {
  const app = join(work, `${manager.name}-${engine}`);
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  const env = environment(bin);
  const start = performance.now();
  runNode(app, [programOf(manager), ...manager.add, tarball, `${tfjs}@${TFJS_VERSION}`], env);
  const seconds = (performance.now() - start) / 1000;
  if (engine === 'native') placeBinding(app);
  else checkTypes(app);
  cpSync(join(PROJECT, 'tools', 'release', 'app-check.mjs'), join(app, 'app-check.mjs'));
  const outcome = JSON.parse(
    runNode(app, ['--import', 'tfjs-ema/compat', 'app-check.mjs', tfjs, engine], env).trim().split('\n').at(-1),
  );
  const doctor = JSON.parse(
    runNode(app, ['--import', 'tfjs-ema/compat', 'node_modules/tfjs-ema/dist/cli/main.js', 'doctor', '--json'], env),
  );
  if (engine === 'native') {
    writeFileSync(join(app, 'readme.mjs'), readmeProgram());
    // Without the flag: it brings what Node 23 and newer need.
    runNode(app, ['readme.mjs'], env);
  }
  if (doctor.engine !== engine) throw new Error(`doctor says ${doctor.engine}, the app runs on ${engine}`);
  return {
    manager: manager.name,
    tfjs,
    engine: outcome.engine,
    seconds: seconds.toFixed(1),
    kilobytes: Math.round(bytesOf(realpathSync(join(app, 'node_modules/tfjs-ema'))) / 1000),
  };
}

try {
  const { tarball, packed, unpacked } = pack(work);
  process.stdout.write(`${tarball.split('/').at(-1)}: ${packed} bytes packed, ${unpacked} unpacked\n`);
  const bin = barePath();
  const wanted = process.argv.slice(2);
  const managers = MANAGERS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const rows = managers.flatMap((manager) => APPS.map((app) => tryApp(manager, app, { tarball, bin })));
  for (const row of rows) {
    process.stdout.write(
      `ok ${row.manager} ${row.tfjs}: engine ${row.engine}; installed in ${row.seconds} s, tfjs-ema takes ${row.kilobytes} kB\n`,
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
