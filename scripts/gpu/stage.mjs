// Packs a runtime for a machine that has an NVIDIA GPU and its libraries, but neither Node.js, nor TensorFlow, nor a network.
// Run where the package registries can be reached, after `npm run bootstrap`; carry the parts and the repository over; unpack.sh joins them.
//
//   node scripts/gpu/stage.mjs [--out .gpu-runtime] [--part-mib 58]
//
// Inside: this machine's node, TensorFlow's CUDA build (stripped), libcudart 12, the npm packages that the tests need, our addon, shapes.json.

import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from '../bootstrap/project.mjs';
import { downloadWheel, requirePip, unpackWheel } from '../bootstrap/python.mjs';
import { ensureTensorFlow } from '../bootstrap/tensorflow.mjs';

/** TensorFlow's CUDA build links against this one directly; the others it looks up, and unpack.sh finds them on the machine. */
const CUDART = { requirement: 'nvidia-cuda-runtime-cu12==12.5.82', member: 'nvidia/cuda_runtime/lib/libcudart.so.12' };

/** What `node --import tsx test/gpu/tfjs.ts` and `bench/fit.ts` import, directly or not. */
const PACKAGES = ['@tensorflow/tfjs', '@tensorflow/tfjs-node', 'node-gyp-build', 'simple-statistics', 'tsx'];

// tfjs brings its sources and five bundles of each package; Node takes the one for Node.
const SKIPPED = /\.(map|md|ts|mts|cts)$/;
const SKIPPED_OF_TFJS = /^\/(src|deps)\/|^\/dist\/tf[^/]*(?<!\.node)\.js$/;

function run(program, ...args) {
  const result = spawnSync(program, args, { stdio: 'inherit' });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${program} ${args[0]} ended with ${result.signal ?? result.status}`);
}

/** Folder of a package as `from` would import it; undefined for an optional one that is not installed. */
function findPackage(name, from) {
  for (let folder = from; folder.length >= PROJECT.length; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  return undefined;
}

/** Folders of packages and of everything that they depend on at run time. */
function closure(names) {
  const folders = new Set();
  const visit = (name, from) => {
    const folder = findPackage(name, from);
    if (folder === undefined || folders.has(folder)) return;
    folders.add(folder);
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) visit(next, folder);
  };
  for (const name of names) visit(name, PROJECT);
  return [...folders];
}

function isSkipped(folder, path) {
  const inside = path.slice(folder.length);
  return SKIPPED.test(inside) || (folder.includes('@tensorflow') && SKIPPED_OF_TFJS.test(inside));
}

function copyPackages(to) {
  for (const folder of closure(PACKAGES)) {
    const target = join(to, relative(join(PROJECT, 'node_modules'), folder));
    const nested = join(folder, 'node_modules');
    cpSync(folder, target, {
      recursive: true,
      dereference: true,
      filter: (path) => !path.startsWith(nested) && !isSkipped(folder, path),
    });
  }
}

async function copyTensorFlow(to, work) {
  const { folder } = await ensureTensorFlow({ gpu: true });
  cpSync(join(folder, 'lib'), to, { recursive: true, dereference: true });
  const python = await requirePip();
  const downloads = join(work, 'downloads');
  mkdirSync(downloads, { recursive: true });
  const wheel = await downloadWheel(python, {
    requirement: CUDART.requirement,
    pythonVersion: '3.11',
    folder: downloads,
  });
  const unpacked = join(work, 'cudart');
  await unpackWheel(python, {
    wheel,
    folder: unpacked,
    members: [CUDART.member],
    headerPrefix: 'nvidia/',
    headers: [],
  });
  cpSync(join(unpacked, 'lib'), to, { recursive: true });
  const libraries = readdirSync(to).filter((name) => name.startsWith('libtensorflow'));
  run('strip', '--strip-unneeded', ...libraries.map((name) => join(to, name)));
}

/** Writes a stream as numbered files of at most `limit` bytes. */
async function splitInto(stream, folder, limit) {
  let count = 0;
  let left = 0;
  let file;
  const close = async () => file && new Promise((done, fail) => file.end((error) => (error ? fail(error) : done())));
  for await (let chunk of stream) {
    while (chunk.length > 0) {
      if (left === 0) {
        await close();
        file = createWriteStream(join(folder, `part-${String(count).padStart(2, '0')}`));
        count += 1;
        left = limit;
      }
      const piece = chunk.subarray(0, left);
      if (!file.write(piece)) await new Promise((ready) => file.once('drain', ready));
      left -= piece.length;
      chunk = chunk.subarray(piece.length);
    }
  }
  await close();
  return count;
}

function ended(child, name) {
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => (code === 0 ? done() : fail(new Error(`${name} ended with ${code}`))));
  });
}

async function pack(work, parts, limit) {
  const tar = spawn('tar', ['-C', work, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const xz = spawn('xz', ['-T0', '-3', '-c'], { stdio: ['pipe', 'pipe', 'inherit'] });
  tar.stdout.pipe(xz.stdin);
  const [count] = await Promise.all([splitInto(xz.stdout, parts, limit), ended(tar, 'tar'), ended(xz, 'xz')]);
  return count;
}

async function main() {
  const { values } = parseArgs({ options: { out: { type: 'string' }, 'part-mib': { type: 'string' } } });
  const out = resolve(values.out ?? join(PROJECT, '.gpu-runtime'));
  const work = join(out, 'work');
  const parts = join(out, 'parts');
  const addon = join(PROJECT, 'build', 'Release', 'tfjs_ema.node');
  if (!existsSync(addon)) throw new Error('build/Release/tfjs_ema.node is missing: run `npm run bootstrap` first');
  for (const folder of [work, parts]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const runtime = join(work, 'runtime');
  for (const folder of ['bin', 'lib', 'node_modules', 'addon']) mkdirSync(join(runtime, folder), { recursive: true });
  await copyTensorFlow(join(runtime, 'lib'), work);
  const node = join(runtime, 'bin', 'node');
  cpSync(realpathSync(process.execPath), node);
  run('strip', node);
  copyPackages(join(runtime, 'node_modules'));
  cpSync(addon, join(runtime, 'addon', 'tfjs_ema.node'));
  run(process.execPath, '--import', 'tsx', join(PROJECT, 'bench', 'export-shapes.ts'), join(runtime, 'shapes.json'));
  const count = await pack(runtime, parts, Number(values['part-mib'] ?? 58) * 2 ** 20);
  rmSync(work, { recursive: true });
  cpSync(join(PROJECT, 'scripts', 'gpu', 'unpack.sh'), join(out, 'unpack.sh'));
  console.log(
    `${count} parts in ${parts}; carry them with unpack.sh and the repository, then: bash scripts/gpu/run-all.sh OUT PARTS`,
  );
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
