// What to type against each trouble: texts for people, with the line for npm.
// Decides nothing. Other package managers, and their settings, are in docs/troubleshooting.md.

import type { TfjsName } from './facts.js';

/** The CUDA 11 libraries that tfjs-node-gpu 4.22 (TensorFlow 2.9.1) opens, and the PyPI package that carries each. */
export const CUDA_LIBRARIES: Readonly<Record<string, string>> = {
  'libcudart.so.11.0': 'nvidia-cuda-runtime-cu11',
  'libcublas.so.11': 'nvidia-cublas-cu11',
  'libcublasLt.so.11': 'nvidia-cublas-cu11',
  'libcufft.so.10': 'nvidia-cufft-cu11',
  'libcurand.so.10': 'nvidia-curand-cu11',
  'libcusolver.so.11': 'nvidia-cusolver-cu11',
  'libcusparse.so.11': 'nvidia-cusparse-cu11',
  'libcudnn.so.8': 'nvidia-cudnn-cu11==8.6.0.163',
};

/** Running an install script that was left out, or has failed. */
export function runScript(name: TfjsName): string {
  return `npm rebuild ${name} --ignore-scripts=false --foreground-scripts, and read what it prints; for npm 12 and later, other package managers and mirrors see docs/troubleshooting.md, "binding"`;
}

/**
 * A tfjs that does not load: where a package that it needs is not to be found, no script brings it.
 * @param reason what loading it threw.
 */
export function cureLoading(name: TfjsName, reason: string): string {
  const missing = /Cannot find (?:module|package) '((?:@[^/']+\/)?[^./'][^/']*)/.exec(reason)?.[1];
  if (missing === undefined || missing === name) return runScript(name);
  return `npm install ${missing}: ${name} needs it and does not find it (pnpm without hoisting: public-hoist-pattern[]=${missing} in .npmrc)`;
}

/** Getting the CUDA libraries without a system-wide toolkit. */
export function installCuda(sonames: readonly string[]): string {
  const packages = [...new Set(sonames.map((soname) => CUDA_LIBRARIES[soname]))].join(' ');
  return `install CUDA 11.2 and cuDNN 8.1, or: pip install --target cuda11 ${packages}, then start node with LD_LIBRARY_PATH="$(echo "$PWD"/cuda11/nvidia/*/lib | tr ' ' ':')"`;
}
