// What a process holds after so much work, sample by sample, and how that grows.
// Does none of the work.

import * as tf from '@tensorflow/tfjs-node';

/** How much was done, and what the process held then. */
export interface Sample {
  readonly done: number;
  /** Resident memory, in bytes. */
  readonly resident: number;
  /** JavaScript's heap, in bytes. */
  readonly heap: number;
  /** Tensors of tfjs. */
  readonly tensors: number;
  /** Tensors of TensorFlow that tfjs-node holds. */
  readonly handles: number;
}

/** Bytes for one more of what was done: the slope of the least squares, and its standard error. */
export interface Slope {
  readonly bytes: number;
  readonly error: number;
}

interface Binding {
  getNumOfTensors(): number;
}

/** A sample of now, after a collection of garbage. */
export function sample(done: number): Sample {
  if (globalThis.gc === undefined) throw new Error('run it with --expose-gc');
  globalThis.gc();
  const { rss: resident, heapUsed: heap } = process.memoryUsage();
  const { binding } = tf.backend() as unknown as { readonly binding: Binding };
  return { done, resident, heap, tensors: tf.memory().numTensors, handles: binding.getNumOfTensors() };
}

/** The report of a program: how its memory grows in the second half, and how many more tensors there are at the end than at the beginning. */
export function report(samples: readonly Sample[], beginning = performance.now()): string {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) throw new Error('no samples');
  const half = samples.filter(({ done }) => done > last.done / 2);
  return JSON.stringify({
    done: last.done,
    resident: slopeOf(half.map(({ done, resident }) => [done, resident])),
    heap: slopeOf(half.map(({ done, heap }) => [done, heap])),
    tensors: last.tensors - first.tensors,
    handles: last.handles - first.handles,
    seconds: (performance.now() - beginning) / 1000,
  });
}

function slopeOf(points: readonly (readonly [done: number, bytes: number])[]): Slope {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([done]) => done)), mean(points.map(([, bytes]) => bytes))];
  const spread = points.reduce((sum, [done]) => sum + (done - x) ** 2, 0);
  const bytes = points.reduce((sum, [done, value]) => sum + (done - x) * (value - y), 0) / spread;
  const rest = points.reduce((sum, [done, value]) => sum + (value - y - bytes * (done - x)) ** 2, 0);
  return { bytes, error: Math.sqrt(rest / (points.length - 2) / spread) };
}
