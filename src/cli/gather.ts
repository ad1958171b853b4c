// Gathering facts about this machine and the app around a folder: files, the addon, child processes.
// Judges nothing.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadAddon } from '../engine/addon.js';
import { CUDA_LIBRARIES } from './cures.js';
import { provenDevice } from './device.js';
import type {
  AddonFacts,
  CudaFacts,
  Facts,
  GpuFacts,
  NodeFacts,
  PackageCopy,
  TfjsFacts,
  TfjsName,
  Unavailable,
} from './facts.js';
import { readManifest, tfjsCopies } from './node-modules.js';
import { runCudaProbe, runGpuProbe, runTfjsProbe } from './run-probe.js';
import { coreSelfTest } from './self-test.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TFJS_NAMES: readonly TfjsName[] = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node', '@tensorflow/tfjs'];

/**
 * Everything that doctor can find out, without changing anything.
 * @param gpu whether to try the GPU, too, where updates run on one: half a minute.
 */
export async function gather(directory: string, { gpu = false }: { readonly gpu?: boolean } = {}): Promise<Facts> {
  const tfjs = tfjsFacts(directory);
  const runs = tfjs !== undefined && (tfjs.name === '@tensorflow/tfjs' || tfjs.binding !== undefined);
  const probe = runs ? await runTfjsProbe(tfjs.path) : undefined;
  return {
    directory,
    node: nodeFacts(),
    addon: addonFacts(),
    copies: tfjsCopies(directory),
    tfjs,
    probe,
    cuda: tfjs?.name === '@tensorflow/tfjs-node-gpu' ? await cudaFacts() : undefined,
    gpu: gpu && tfjs !== undefined && provenDevice(probe) === 'GPU' ? await gpuFacts(tfjs.path) : undefined,
  };
}

/** The version of this package. */
export function ownVersion(): string {
  return readManifest(ROOT)?.version ?? 'unknown';
}

function nodeFacts(): NodeFacts {
  const { version, platform, arch } = process;
  return { version: version.slice(1), napi: Number(process.versions['napi']), platform, arch, glibc: glibcVersion() };
}

function glibcVersion(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  // Typed as an object without members by @types/node; every step is checked.
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime;
}

function addonFacts(): AddonFacts | Unavailable {
  const loaded = loadAddon();
  if ('reason' in loaded) return loaded;
  const path = createRequire(import.meta.url)('node-gyp-build').path(ROOT) as string;
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  const published = publishedHashes().includes(
    `${sha256}  ${relative(join(ROOT, 'prebuilds'), path).split(sep).join('/')}`,
  );
  return { path, sha256, published, build: loaded.addon.buildInfo(), selfTest: coreSelfTest(loaded.addon) };
}

function publishedHashes(): string[] {
  const file = join(ROOT, 'prebuilds', 'SHA256SUMS');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
}

function tfjsFacts(directory: string): TfjsFacts | undefined {
  for (const name of TFJS_NAMES) {
    const copy = resolveFrom(directory, name);
    if (copy === undefined) continue;
    return { ...copy, name, binding: bindingOf(copy.path), scriptRan: existsSync(join(copy.path, 'deps')) };
  }
  return undefined;
}

/** The package that an import of `name` from a file in the folder would find. */
function resolveFrom(directory: string, name: string): PackageCopy | undefined {
  const require = createRequire(join(directory, 'package.json'));
  try {
    const path = dirname(require.resolve(`${name}/package.json`));
    return { name, version: readManifest(path)?.version ?? 'unknown', path };
  } catch {
    // Not installed here: an answer, not a failure.
    return undefined;
  }
}

function bindingOf(path: string): string | undefined {
  const versions = Array.from({ length: Number(process.versions['napi']) }, (_, i) => i + 1).reverse();
  return versions
    .map((version) => join(path, 'lib', `napi-v${version}`, 'tfjs_binding.node'))
    .find((file) => existsSync(file));
}

async function gpuFacts(path: string): Promise<GpuFacts> {
  return { card: cardName(), ...(await runGpuProbe(path)) };
}

function cardName(): string | undefined {
  const args = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'];
  // Without it: an error and no output.
  const { stdout } = spawnSync('nvidia-smi', args, { encoding: 'utf8' });
  return stdout?.trim().split('\n').join('; ') || undefined;
}

async function cudaFacts(): Promise<CudaFacts> {
  const { driver, missing } = await runCudaProbe(['libcuda.so.1', ...Object.keys(CUDA_LIBRARIES)]);
  return { driver, missing: missing.filter(({ soname }) => soname !== 'libcuda.so.1') };
}
