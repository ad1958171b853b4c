// Step "TensorFlow": tfjs-node with a TensorFlow that loads, by the quickest way that works here.
// Order: what is in place, what the cache has, tfjs-node's own installer, PyPI.

import { ensureBinding, requireCompiler } from './binding.mjs';
import { cacheDirectory, mkdirForUse } from './cache.mjs';
import { say, step } from './log.mjs';
import { installPackages } from './npm-packages.mjs';
import { adopt, hasUnrecordedRuntime, isPlaced, place } from './placement.mjs';
import { packageJson } from './project.mjs';
import { cachedTensorFlow, ensureTensorFlow, TENSORFLOW_VERSION } from './tensorflow.mjs';
import { cachedInstall, tryInstaller } from './tfjs-installer.mjs';

const CPU_PACKAGE = '@tensorflow/tfjs-node';
const GPU_PACKAGE = '@tensorflow/tfjs-node-gpu';

/** Makes `@tensorflow/tfjs-node` loadable, which the tests need everywhere; with `gpu` also `@tensorflow/tfjs-node-gpu`. */
export async function ensureRuntime({ gpu }) {
  await ensureLoadable(CPU_PACKAGE, false);
  if (!gpu) return;
  await ensureGpuPackage();
  await ensureLoadable(GPU_PACKAGE, true);
}

async function ensureLoadable(packageName, gpu) {
  if (isPlaced(packageName)) return;
  if (await adoptExisting(packageName)) return;
  const { tensorflow, binding } = await obtain(packageName, gpu);
  await step(`${packageName} with TensorFlow ${tensorflow.version}`, async () => {
    const version = await place(packageName, tensorflow, binding);
    return { note: `loads, reports ${version}` };
  });
}

async function ensureGpuPackage() {
  const { version } = packageJson(CPU_PACKAGE);
  try {
    if (packageJson(GPU_PACKAGE).version === version) return;
  } catch {
    // Not installed: it is no dependency, since most machines have no use for it.
  }
  // --save-dev beside --no-save: npm would take it for the optional peer that package.json names, and not install it.
  const args = ['install', '--no-save', '--save-dev', '--ignore-scripts', `${GPU_PACKAGE}@${version}`];
  await step(`${GPU_PACKAGE} ${version}`, () => installPackages(args));
}

/** A runtime that somebody else put there (a plain `npm install`, a carried folder) is taken over if it loads. */
async function adoptExisting(packageName) {
  if (!hasUnrecordedRuntime(packageName)) return false;
  try {
    const version = await adopt(packageName);
    say(`${packageName} is there already and loads (TensorFlow ${version})`);
    return true;
  } catch {
    say(`the ${packageName} that is there does not load; making it anew`);
    return false;
  }
}

async function obtain(packageName, gpu) {
  const way = process.env.TFJS_EMA_TENSORFLOW ?? 'auto';
  const installed = way === 'pypi' ? undefined : cachedInstall(packageName);
  if (installed !== undefined) return { tensorflow: installed, binding: installed.binding };
  if (way !== 'pypi' && cachedTensorFlow(TENSORFLOW_VERSION, gpu) === undefined) {
    mkdirForUse(cacheDirectory());
    const fresh = await tryInstaller(packageName);
    if (fresh !== undefined) return { tensorflow: fresh, binding: fresh.binding };
  }
  if (cachedTensorFlow(TENSORFLOW_VERSION, gpu) === undefined) requireCompiler();
  const tensorflow = await ensureTensorFlow({ gpu });
  return { tensorflow, binding: await ensureBinding(packageName, tensorflow) };
}
