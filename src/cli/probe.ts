// The child process that loads tfjs and runs ops: a crash of TensorFlow must not take doctor with it.
// Sends facts to its parent; prints and judges nothing.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { messageOf } from '../base/errors.js';
import { loadAddon } from '../engine/addon.js';
import { createShadows } from '../engine/choice.js';
import type { Shadows } from '../engine/contract.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { EngineFacts, ProbeFacts, Unavailable } from './facts.js';

/** What this process has sent so far counts, even if it dies in the next step. */
export type ProbeMessage = Partial<ProbeFacts>;

/** The parts of tfjs that the library uses, and one op more. */
type ProbedTfjs = Tfjs & Pick<typeof import('@tensorflow/tfjs'), 'topk'>;

const STEPS = 3;
const ALPHAS = [0.1, 0.003];

function send(facts: ProbeMessage): void {
  process.send?.(facts);
}

/** tfjs-node 4.22 calls a function that Node 23 removed: found by an op that needs it, cured as users are told to. */
async function cureIfNeeded(tf: ProbedTfjs): Promise<boolean> {
  const useIt = () => tf.tidy(() => void tf.topk(tf.tensor1d([1, 2]), 1));
  try {
    useIt();
    return false;
  } catch (error) {
    if (!messageOf(error).includes('isNullOrUndefined')) throw error;
    await import('../compat.js');
    useIt();
    return true;
  }
}

function register(): ProbeFacts['registration'] | Unavailable {
  const loaded = loadAddon();
  if ('reason' in loaded) return loaded;
  try {
    return loaded.addon.register();
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

function updateCounts(): EngineFacts['ran'] {
  const loaded = loadAddon();
  return 'reason' in loaded ? { CPU: 0, GPU: 0 } : loaded.addon.updateCounts();
}

/** Largest difference between two engines' shadows after the same steps, and what rounding may explain. */
function compareEngines(tf: Tfjs): EngineFacts {
  const live = [tf.tensor1d([0.5, -0.25, 0.125, 1]), tf.tensor1d([-1, 0.75, 0.1])];
  const chosen = createShadows(tf, 'auto', { weights: live, averages: 2, precision: 'fp32' });
  const reference = createShadows(tf, 'js', { weights: live, averages: 2, precision: 'fp32' });
  const tensors: Tensor[] = [...live];
  const before = updateCounts();
  for (let step = 1; step <= STEPS; step++) {
    const weights = live.map((weight) => tf.tidy(() => tf.mul(weight, tf.scalar(1 / (step + 1)))) as Tensor);
    tensors.push(...weights);
    for (const { shadows } of [chosen, reference]) shadows.update(weights, ALPHAS);
  }
  const after = updateCounts();
  const difference = largestDifference(chosen.shadows, reference.shadows, live);
  for (const { shadows } of [chosen, reference]) shadows.dispose();
  tf.dispose(tensors);
  // Numbers of at most 1, with three roundings of 2^-24 a step by js and two by native.
  return {
    engine: chosen.engine,
    reason: chosen.reason,
    difference,
    tolerance: STEPS * 5 * 2 ** -24,
    updates: STEPS,
    ran: { CPU: after.CPU - before.CPU, GPU: after.GPU - before.GPU },
  };
}

function largestDifference(a: Shadows, b: Shadows, like: readonly Tensor[]): number {
  const values = (shadows: Shadows) =>
    [0, 1].flatMap((average) => {
      const tensors = shadows.read(average, like);
      const numbers = tensors.flatMap((tensor) => Array.from(tensor.dataSync()));
      for (const tensor of tensors) tensor.dispose();
      return numbers;
    });
  const others = values(b);
  return Math.max(...values(a).map((value, i) => Math.abs(value - (others[i] ?? Number.NaN))));
}

async function probeTfjs(path: string): Promise<void> {
  // The package itself, wherever it lies: this package must not resolve a copy of its own.
  const tf = createRequire(join(path, 'package.json'))(path) as ProbedTfjs;
  const backend = tf.backend();
  const node = tf.getBackend() === 'tensorflow';
  send({ backend: tf.getBackend(), usesGpu: 'isUsingGpuDevice' in backend && backend.isUsingGpuDevice === true });
  if (node) {
    send({ needsCompat: await cureIfNeeded(tf) });
    send({ registration: register() });
  }
  send({ engines: compareEngines(tf) });
}

try {
  await probeTfjs(process.argv[2] ?? '.');
} catch (error) {
  send({ error: messageOf(error) });
}
process.disconnect?.();
