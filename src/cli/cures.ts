// What to type against each trouble: texts for people, by package manager.
// Decides nothing.

import type { PackageManager, TfjsName } from './facts.js';

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

/** Adding a package to the app. */
export function install(manager: PackageManager, name: string): string {
  return `${manager === 'npm' ? 'npm install' : `${program(manager)} add`} ${name}`;
}

/** Running the install script that a package manager has left out. */
export function allowScripts(manager: PackageManager, name: TfjsName): string {
  switch (manager) {
    case 'npm':
      return `npm rebuild ${name} --ignore-scripts=false --foreground-scripts (npm 12 and later: first npm approve-scripts ${name})`;
    case 'pnpm':
      return `pnpm approve-builds (choose ${name}), then pnpm rebuild ${name}`;
    case 'yarn':
      return `yarn config set enableScripts true && yarn rebuild ${name}`;
    case 'yarn-classic':
      return `yarn config delete ignore-scripts; yarn install --force`;
    default:
      return manager satisfies never;
  }
}

/** Running an install script again that has failed. */
export function installAgain(manager: PackageManager, name: TfjsName): string {
  const again = manager === 'npm' ? `npm rebuild ${name} --foreground-scripts` : allowScripts(manager, name);
  return `${again}, and read what it prints: it downloads libtensorflow (behind a firewall set TFJS_NODE_CDN_STORAGE to a mirror) and a binding, or compiles one (python3, make, g++)`;
}

/** Getting the CUDA libraries without a system-wide toolkit. */
export function installCuda(sonames: readonly string[]): string {
  const packages = [...new Set(sonames.map((soname) => CUDA_LIBRARIES[soname]))].join(' ');
  return `install CUDA 11.2 and cuDNN 8.1, or: pip install --target cuda11 ${packages}, then start node with LD_LIBRARY_PATH="$(echo "$PWD"/cuda11/nvidia/*/lib | tr ' ' ':')"`;
}

function program(manager: PackageManager): string {
  return manager === 'yarn-classic' ? 'yarn' : manager;
}
