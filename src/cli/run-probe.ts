// Running doctor's child processes and collecting what they send before they end, however they end.
// Knows nothing of what they probe.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CudaFacts, GpuFacts, ProbeFacts } from './facts.js';

const TIMEOUT_MS = 120_000;
const TAIL = 600;

interface Outcome {
  /** The messages, later ones on top of earlier ones. */
  readonly sent: object;
  /** How the process failed; undefined when it ended by itself with code 0. */
  readonly death: string | undefined;
}

function run(script: string, args: readonly string[]): Promise<Outcome> {
  // The same name with the same ending: .ts when run from the sources, .js when compiled.
  const file = fileURLToPath(new URL(`./${script}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
  const child = fork(file, args, { silent: true, timeout: TIMEOUT_MS });
  let sent = {};
  let tail = '';
  child.on('message', (message) => {
    sent = { ...sent, ...Object(message) };
  });
  child.stderr?.on('data', (chunk) => {
    tail = (tail + chunk).slice(-TAIL);
  });
  child.stdout?.resume();
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ sent, death: error.message }));
    child.on('close', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      resolve({
        sent,
        death: code === 0 ? undefined : `the process ended with ${how}: ${tail.trim() || 'it printed nothing'}`,
      });
    });
  });
}

/** Loads the tfjs package in a folder and tries both engines on it. */
export async function runTfjsProbe(path: string): Promise<ProbeFacts> {
  const { sent, death } = await run('probe', [path]);
  const nothing: ProbeFacts = {
    error: undefined,
    needsCompat: false,
    backend: undefined,
    usesGpu: false,
    registration: undefined,
    engines: undefined,
  };
  // Only probe.ts sends here, and its messages are parts of ProbeFacts.
  const facts = { ...nothing, ...(sent as Partial<ProbeFacts>) };
  return { ...facts, error: facts.error ?? death };
}

/** Asks the dynamic loader for libraries. */
export async function runCudaProbe(sonames: readonly string[]): Promise<CudaFacts> {
  const { sent, death } = await run('probe-cuda', sonames);
  const everything = sonames.map((soname) => ({ soname, reason: death ?? 'no answer' }));
  // Only probe-cuda.ts sends here, and its one message is a CudaFacts.
  return { driver: undefined, missing: everything, ...(sent as Partial<CudaFacts>) };
}

/** Tries the GPU of the tfjs package in a folder: half a minute. */
export async function runGpuProbe(path: string): Promise<Omit<GpuFacts, 'card'>> {
  const { sent, death } = await run('probe-gpu', [path]);
  // Only probe-gpu.ts sends here, and its messages are parts of GpuFacts.
  const facts = {
    error: undefined,
    kernels: undefined,
    speed: undefined,
    order: undefined,
    ...(sent as Partial<GpuFacts>),
  };
  return { ...facts, error: facts.error ?? death };
}
