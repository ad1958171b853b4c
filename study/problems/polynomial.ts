// PADAM's polynomial regression: a convex problem with a solution that is known.
// Trains nothing.

import type { Tensor2D } from '@tensorflow/tfjs-node';
import { seededRandom } from '../../tools/shared/random.js';
import { drawsOf, type Part, type Problem, relativeError } from './problem.js';

const DEGREE = 25;
const NOISE_VARIANCE = 0.2;
const POINTS: Readonly<Record<Part, number>> = { validation: 1000, test: 2000 };
const target = (x: number): number => Math.sin(Math.PI * x);

/** The monomials of each x, row by row. */
function monomials(xs: Float32Array): Float32Array {
  return Float32Array.from({ length: xs.length * (DEGREE + 1) }, (_, i) => {
    return (xs[Math.floor(i / (DEGREE + 1))] ?? 0) ** (i % (DEGREE + 1));
  });
}

/** `sin(pi x)` from noisy values by a polynomial of degree 25. */
export const polynomial: Problem = {
  description: 'polynomial regression of degree 25 on noisy values of a sine',
  measure: 'relative L2 error, %',
  start: (tf, { seed, batchSize }) => {
    const start = drawsOf(seededRandom(2 * seed)).normal(DEGREE + 1);
    const draws = drawsOf(seededRandom(2 * seed + 1));
    const coefficients = tf.tidy(() => tf.variable(tf.tensor2d(start, [DEGREE + 1, 1])));
    const design = (xs: Float32Array): Tensor2D => tf.tensor2d(monomials(xs), [xs.length, DEGREE + 1]);
    // Evenly over the interval, the two parts between each other: there is no noise in them.
    const points = (part: Part) => {
      const shift = part === 'validation' ? 0.25 : 0.75;
      const xs = Float32Array.from({ length: POINTS[part] }, (_, i) => -1 + (2 * (i + shift)) / POINTS[part]);
      return { x: design(xs), y: tf.tensor2d(xs.map(target), [xs.length, 1]) };
    };
    const parts = { validation: points('validation'), test: points('test') };
    return {
      weights: { coefficients },
      loss: () => {
        const xs = draws.uniform(batchSize, -1, 1);
        const noise = draws.normal(batchSize);
        const wanted = xs.map((x, i) => target(x) + Math.sqrt(NOISE_VARIANCE) * (noise[i] ?? 0));
        return tf.mean(
          tf.square(tf.sub(tf.matMul(design(xs), coefficients as never), tf.tensor2d(wanted, [batchSize, 1]))),
        );
      },
      error: (part) => relativeError(tf, () => tf.matMul(parts[part].x, coefficients as never), parts[part].y),
      dispose: () => tf.dispose([coefficients, parts] as never),
    };
  },
};
