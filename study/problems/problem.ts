// What a problem of the study is: weights, a loss on endless fresh data, and an error that needs no labels by hand.
// Holds no problem and trains nothing.

import type { Scalar, Tensor2D, Variable } from '@tensorflow/tfjs-node';
import type { Random } from '../../tools/shared/random.js';
import type { Tf } from '../../tools/shared/tfjs.js';

/** Points that a problem is judged on; the first choose an average, the second judge the choice. */
export type Part = 'validation' | 'test';

/** A problem with its weights at work. */
export interface Session {
  /** By name, as averages take them. */
  readonly weights: Readonly<Record<string, Variable>>;
  /** The loss on the next batch. It is called once a step. */
  readonly loss: () => Scalar;
  /** How wrong the weights are as they stand, lower is better. */
  readonly error: (part: Part) => Promise<number>;
  readonly dispose: () => void;
}

/** How a session starts. */
export interface SessionSetup {
  /** Of the initial weights and the order of the data; points to judge on are the same for all seeds. */
  readonly seed: number;
  readonly batchSize: number;
}

/** A problem. */
export interface Problem {
  /** One line, for reports. */
  readonly description: string;
  /** What {@link Session.error} is. */
  readonly measure: string;
  readonly start: (tf: Tf, setup: SessionSetup) => Session | Promise<Session>;
}

/** A source of points that a problem draws from. */
export interface Draws {
  readonly uniform: (count: number, low: number, high: number) => Float32Array;
  readonly normal: (count: number) => Float32Array;
}

/** Draws of a generator: uniform ones, and normal ones in pairs (Box and Muller). */
export function drawsOf(random: Random): Draws {
  return {
    uniform: (count, low, high) => Float32Array.from({ length: count }, () => low + (high - low) * random()),
    normal: (count) => {
      const values = new Float32Array(count);
      for (let i = 0; i < count; i += 2) {
        const radius = Math.sqrt(-2 * Math.log(1 - random()));
        const angle = 2 * Math.PI * random();
        values[i] = radius * Math.cos(angle);
        if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
      }
      return values;
    },
  };
}

/** Relative L2 error in per cent: `100 |output - wanted| / |wanted|`. */
export async function relativeError(tf: Tf, output: () => Tensor2D, wanted: Tensor2D): Promise<number> {
  const value = tf.tidy(() => {
    const norm = (x: Tensor2D): Scalar => tf.sqrt(tf.sum(tf.square(x)));
    return tf.mul(100, tf.div(norm(tf.sub(output(), wanted)), norm(wanted))) as Scalar;
  });
  const [error = Number.NaN] = await value.data();
  value.dispose();
  return error;
}
