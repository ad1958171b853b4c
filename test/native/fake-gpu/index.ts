// The fake GPU for tests: building it, loading it into this process's TensorFlow before tfjs-node is there, its controls typed.
// A device of our own in the TensorFlow of the bootstrap; on a build with CUDA, TensorFlow's own device on our driver.
// Knows nothing of averages.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a test may ask of the fake CUDA driver under the device; see fake_cuda.h. */
export interface FakeGpu {
  /** Gives the device to the TensorFlow of this library; before tfjs-node is loaded. */
  load(tensorflowLibrary: string): void;
  /** Calls of a driver function since the last reset. */
  calls(driverFunction: string): number;
  /** The nth call from now on returns `code`; 700 stays. */
  fail(driverFunction: string, nth: number, code: number): void;
  /** Microseconds that each piece of work waits before it runs, on a thread of its stream. */
  setDelay(microseconds: number): void;
  /** Calls that made the host wait for the device. */
  synchronisations(): number;
  /** The first access outside device memory, in words; empty when there was none. */
  violation(): string;
  /** Device memory that TensorFlow holds. */
  allocatedBytes(): number;
  /** Forgets counts, failures, violations and the delay. */
  reset(): void;
}

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..', '..');
const build = join(root, '.cache', 'cuda-core');

/** Whether tfjs-node runs on a build of TensorFlow with CUDA (`with-tf.mjs VERSION --gpu`). */
export const isInTree = process.env['TFJS_EMA_TENSORFLOW_GPU'] === '1';

/** What a process needs to find the device: the libraries that TensorFlow's own one opens. It then takes memory as it needs it. */
export const deviceEnvironment: Readonly<Record<string, string>> = isInTree
  ? { LD_LIBRARY_PATH: join(build, 'in-tree'), TF_FORCE_GPU_ALLOW_GROWTH: 'true' }
  : {};

/** TensorFlow's C headers: of the bootstrap, or of `$TFJS_EMA_TENSORFLOW_INCLUDE`. Empty when there are none. */
function tensorflowInclude(): string {
  const own = join(tfjsNodeFolder(), 'deps', 'include');
  const candidates = [process.env['TFJS_EMA_TENSORFLOW_INCLUDE'] ?? '', own];
  const header = join('tensorflow', 'c', 'experimental', 'stream_executor', 'stream_executor.h');
  return candidates.find((folder) => folder !== '' && existsSync(join(folder, header))) ?? '';
}

function tfjsNodeFolder(): string {
  return dirname(require.resolve('@tensorflow/tfjs-node/package.json'));
}

/** Why the fake GPU cannot be used here; empty when it can. */
export function whyNoFakeGpu(): string {
  if (process.platform !== 'linux') return 'the fake GPU is for Linux';
  if (process.env['TFJS_EMA_TFJS_BINDING'] !== undefined && !isInTree)
    return 'tfjs-node runs on another TensorFlow (with-tf.mjs), and not on its build with CUDA (--gpu)';
  if (tensorflowInclude() === '') return "TensorFlow's headers are missing: run `npm run bootstrap`";
  return existsSync(tensorflowLibrary()) ? '' : 'tfjs-node has no libtensorflow_cc.so.2 or libtensorflow.so.2';
}

/** The library with TensorFlow's C API that tfjs-node loads. */
export function tensorflowLibrary(): string {
  const lib = join(tfjsNodeFolder(), 'deps', 'lib');
  const names = ['libtensorflow_cc.so.2', 'libtensorflow.so.2'];
  return join(lib, names.find((name) => existsSync(join(lib, name))) ?? 'libtensorflow.so.2');
}

/** Builds the fake driver and the fake device (a minute the first time, then next to nothing). */
export function buildFakeGpu(): void {
  const nodeApi = require('node-api-headers').include_dir as string;
  const options = [`-DTENSORFLOW_INCLUDE=${tensorflowInclude()}`, `-DNODE_API_INCLUDE=${nodeApi}`];
  const quiet = { stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] };
  execFileSync('cmake', ['-S', join(root, 'test', 'native', 'cuda-core'), '-B', build, ...options], quiet);
  execFileSync('cmake', ['--build', build, '--parallel', '2', '--target', 'fake_gpu', 'in_tree_cuda'], quiet);
}

/** Loads the fake GPU into this process; import tfjs-node only afterwards. A TensorFlow with CUDA finds its own. */
export function loadFakeGpu(): FakeGpu {
  const gpu = require(join(build, 'fake_gpu.node')) as FakeGpu;
  if (!isInTree) gpu.load(tensorflowLibrary());
  return gpu;
}
