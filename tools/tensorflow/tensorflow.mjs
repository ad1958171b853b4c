// TensorFlow's libraries and C headers out of a wheel from PyPI, as an entry of the cache.
// No compiling, nothing of node_modules.

import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDirectory, openEntry, publish, requireSpace } from './cache.mjs';
import { BootstrapError } from './errors.mjs';
import { withLock } from './lock.mjs';
import { megabytes, step } from './log.mjs';
import { downloadWheel, NoSuchWheel, requirePip, unpackWheel } from './python.mjs';

/** Tried first: the version that the project is developed on. */
export const TENSORFLOW_VERSION = '2.21.0';

const PREFIX = 'tensorflow/include/';
const FRAMEWORK = 'tensorflow/libtensorflow_framework.so.2';
// What tfjs-node's binding, a C kernel and a pluggable device include.
const HEADERS = [
  'tensorflow/c/c_api.h',
  'tensorflow/c/c_api_experimental.h',
  'tensorflow/c/eager/c_api.h',
  'tensorflow/c/eager/c_api_experimental.h',
  'tensorflow/c/experimental/stream_executor/stream_executor.h',
  'tensorflow/c/kernels.h',
  'tensorflow/c/kernels_experimental.h',
  'tensorflow/c/ops.h',
  'tensorflow/core/platform/ctstring_internal.h',
];
// Part of an entry's name: raise it when the members or the headers that are taken change.
const CONTENT = 1;

/**
 * What differs between TensorFlow's wheels: up to 2.11 the C API is in a Python extension, which needs libpython. A wheel is only
 * unpacked, so it need not fit the Python that runs: 3.9 is the one that all from 2.7 to 2.11 are made for.
 * `bytes`: wheel plus unpacked libraries, as measured for 2.21.0 (1.13 GB; CUDA build 1.83) and 2.9.1 (0.71), and some.
 */
function recipe(version, gpu = false) {
  const [major, minor] = version.split('.').map(Number);
  if (major > 2 || minor >= 12) {
    return {
      library: 'tensorflow/libtensorflow_cc.so.2',
      pythonVersion: '3.11',
      needsPython: false,
      bytes: gpu ? 2.5e9 : 1.5e9,
    };
  }
  const library = 'tensorflow/python/_pywrap_tensorflow_internal.so';
  return { library, pythonVersion: '3.9', needsPython: true, bytes: 1e9 };
}

/**
 * Name of the distribution on PyPI: the CUDA build, or the smaller one without it where there is one. Those for arm64 were Arm's own up to
 * 2.16: until then `tensorflow` for it is empty, or missing.
 */
function distribution({ version, gpu, arch }) {
  if (arch === 'x64') return gpu ? 'tensorflow' : 'tensorflow-cpu';
  const [major, minor] = version.split('.').map(Number);
  return major === 2 && minor <= 16 ? 'tensorflow-aarch64' : 'tensorflow';
}

/** What pip is to be asked for where the libraries are for another machine than this. */
function foreignPlatforms(arch) {
  if (arch === process.arch) return [];
  const machine = arch === 'arm64' ? 'aarch64' : 'x86_64';
  return ['manylinux_2_27', 'manylinux_2_17', 'manylinux2014'].map((name) => `${name}_${machine}`);
}

/**
 * The cached libraries of a version, if they are there and whole.
 * @returns {TensorFlow | undefined}
 */
export function cachedTensorFlow(version, gpu = false, arch = process.arch) {
  const folder = entryFolder(distribution({ version, gpu, arch }), version, arch);
  const facts = openEntry(folder);
  return facts && { folder, ...facts };
}

/**
 * TensorFlow's libraries, from the cache or from PyPI.
 * @param {{version?: string, gpu?: boolean, arch?: string}} [wanted] without `version`: {@link TENSORFLOW_VERSION}, else what pip has;
 *   `arch`: of another machine than this, for an emulator.
 * @returns {Promise<TensorFlow>}
 * @typedef {{folder: string, version: string, libraries: string[], needsPython: boolean}} TensorFlow `folder` holds
 *   lib/ and include/; `libraries` are what to link, in order.
 */
export async function ensureTensorFlow({ version, gpu = false, arch = process.arch } = {}) {
  const exact = version ?? TENSORFLOW_VERSION;
  const name = distribution({ version: exact, gpu, arch });
  const cached = cachedTensorFlow(exact, gpu, arch) ?? (version === undefined ? newestCached(name, gpu) : undefined);
  if (cached !== undefined) return cached;
  requireGlibcLinux();
  const python = await requirePip();
  requireSpace(cacheDirectory(), recipe(exact, gpu).bytes);
  const what = `TensorFlow ${exact}`;
  return withLock(join(cacheDirectory(), `${name}-${exact}.lock`), what, async () => {
    const made = cachedTensorFlow(exact, gpu, arch);
    if (made !== undefined) return made;
    try {
      return await fetchTensorFlow(python, name, exact, { pythonVersion: recipe(exact).pythonVersion, arch });
    } catch (error) {
      if (!(error instanceof NoSuchWheel)) throw error;
      if (version !== undefined) throw noSuchVersion(name, version, error);
      return fetchTensorFlow(python, name, undefined, { arch });
    }
  });
}

function entryFolder(name, version, arch) {
  return join(cacheDirectory(), 'tensorflow', `${name}-${version}-${arch}-${CONTENT}`);
}

function newestCached(name, gpu) {
  const pattern = new RegExp(`^${name}-(\\d+\\.\\d+\\.\\d+)-${process.arch}-${CONTENT}$`);
  let entries = [];
  try {
    entries = readdirSync(join(cacheDirectory(), 'tensorflow'));
  } catch {
    return undefined;
  }
  const versions = entries.map((entry) => pattern.exec(entry)?.[1]).filter((found) => found !== undefined);
  const usable = versions.filter((found) => !recipe(found).needsPython).sort(byVersion);
  return usable.map((found) => cachedTensorFlow(found, gpu)).findLast((found) => found !== undefined);
}

function byVersion(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** Downloads and unpacks; `version` undefined: the newest from 2.12 that pip has for the Python that runs it. */
async function fetchTensorFlow(python, name, version, { pythonVersion, arch }) {
  const requirement = version === undefined ? `${name}>=2.12` : `${name}==${version}`;
  const downloads = join(cacheDirectory(), 'tensorflow', `.download.draft-${process.pid}-${name}`);
  mkdirSync(downloads, { recursive: true });
  try {
    let wheel = '';
    await step(`TensorFlow from PyPI: ${requirement}`, async () => {
      const platforms = foreignPlatforms(arch);
      wheel = await downloadWheel(python, { requirement, pythonVersion, platforms, folder: downloads });
      return { note: basename(wheel) };
    });
    const found = basename(wheel).split('-')[1];
    const folder = entryFolder(name, found, arch);
    const facts = await publish(folder, (draft) => unpackInto(draft, python, wheel, found));
    return { folder, ...facts };
  } finally {
    // The wheel has done its duty; 274 MB.
    rmSync(downloads, { recursive: true, force: true });
  }
}

async function unpackInto(folder, python, wheel, version) {
  const { library, needsPython } = recipe(version);
  const libraries = [library, FRAMEWORK].map((member) => basename(member));
  await step(`unpacking TensorFlow ${version}`, async () => {
    await unpackWheel(python, { wheel, folder, members: [library, FRAMEWORK], headerPrefix: PREFIX, headers: HEADERS });
    const sizes = libraries.map((name) => statSync(join(folder, 'lib', name)).size);
    return { note: megabytes(sizes[0] + sizes[1]) };
  });
  return { version, libraries, needsPython };
}

function noSuchVersion(name, version, cause) {
  return new BootstrapError(
    `pip finds no ${name} ${version} for this machine: ${cause.message}`,
    'name a version that "python3 -m pip index versions tensorflow-cpu" lists',
    { cause },
  );
}

function requireGlibcLinux() {
  const glibc = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime;
  if (glibc && ['x64', 'arm64'].includes(process.arch)) return;
  throw new BootstrapError(
    `tfjs-node's installer failed, and the way over PyPI is for Linux x64 and arm64 with glibc; this is ${process.platform} ${process.arch}`,
    'run "npm rebuild @tensorflow/tfjs-node" where its download can be reached, or work in a Debian container',
  );
}
