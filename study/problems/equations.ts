// Partial differential equations with exact solutions, after PADAM's: two by the deep Kolmogorov method, one by the deep Ritz method.
// Trains nothing.

import type { Scalar, Tensor2D } from '@tensorflow/tfjs-node';
import { errorFunction } from 'simple-statistics';
import { seededRandom } from '../../tools/shared/random.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import { type Perceptron, perceptron } from './perceptron.js';
import { type Draws, drawsOf, type Part, type Problem, relativeError, type Session } from './problem.js';

const POINTS: Readonly<Record<Part, number>> = { validation: 1000, test: 2000 };
// Any fixed numbers: the same points for every seed.
const POINT_SEEDS: Readonly<Record<Part, number>> = { validation: 11, test: 12 };

/** A problem on points of a cube, with the solution known. */
interface Cube {
  readonly dimensions: number;
  readonly low: number;
  readonly high: number;
  /** Hidden layers. */
  readonly hidden: readonly number[];
  /** The solution at a point. */
  readonly solution: (x: ArrayLike<number>) => number;
  readonly loss: (tf: Tf, network: Perceptron, batch: { readonly draws: Draws; readonly size: number }) => Scalar;
}

function onCube(about: Pick<Problem, 'description'>, cube: Cube): Problem {
  const start: Problem['start'] = (tf, { seed, batchSize }): Session => {
    const { dimensions, low, high, hidden } = cube;
    const network = perceptron(tf, [dimensions, ...hidden, 1], seededRandom(2 * seed));
    const draws = drawsOf(seededRandom(2 * seed + 1));
    const points = (part: Part) => {
      const count = POINTS[part];
      const x = drawsOf(seededRandom(POINT_SEEDS[part])).uniform(count * dimensions, low, high);
      const rows = Array.from({ length: count }, (_, row) => x.subarray(row * dimensions, (row + 1) * dimensions));
      return { x: tf.tensor2d(x, [count, dimensions]), y: tf.tensor2d(rows.map(cube.solution), [count, 1]) };
    };
    const parts = { validation: points('validation'), test: points('test') };
    return {
      weights: network.weights,
      loss: () => cube.loss(tf, network, { draws, size: batchSize }),
      error: (part) => relativeError(tf, () => network.apply(scaled(tf, parts[part].x, cube)), parts[part].y),
      dispose: () => tf.dispose([network.weights, parts] as never),
    };
  };
  return { ...about, measure: 'relative L2 error, %', start };
}

/** Points of the cube as network input: from -1 to 1. */
function scaled(tf: Tf, x: Tensor2D, { low, high }: Pick<Cube, 'low' | 'high'>): Tensor2D {
  return tf.mul(tf.sub(x, (low + high) / 2), 2 / (high - low));
}

/** The deep Kolmogorov method: the network learns the mean of a payoff of random ends, which is the equation's solution. */
function kolmogorov(
  cube: Omit<Cube, 'loss'>,
  {
    end,
    payoff,
  }: { readonly end: (x: number, normal: number, axis: number) => number; readonly payoff: Cube['solution'] },
): Cube {
  const { dimensions, low, high } = cube;
  return {
    ...cube,
    loss: (tf, network, { draws, size }) => {
      const x = draws.uniform(size * dimensions, low, high);
      const normal = draws.normal(size * dimensions);
      const ends = x.map((value, i) => end(value, normal[i] ?? 0, i % dimensions));
      const wanted = Array.from({ length: size }, (_, row) =>
        payoff(ends.subarray(row * dimensions, (row + 1) * dimensions)),
      );
      const output = network.apply(scaled(tf, tf.tensor2d(x, [size, dimensions]), cube));
      return tf.mean(tf.square(tf.sub(output, tf.tensor2d(wanted, [size, 1])))) as Scalar;
    },
  };
}

const squares = (x: ArrayLike<number>): number => Array.from(x).reduce((sum, value) => sum + value * value, 0);

const DIMENSIONS = 10;
const HEAT_TIME = 2;

/** `u_t = Laplace(u)`, `u(x, 0) = |x|^2`: `u(x, T) = |x|^2 + 2 d T`. */
export const heat: Problem = onCube(
  { description: 'heat equation in 10 dimensions, deep Kolmogorov method, 50-100-50' },
  kolmogorov(
    {
      dimensions: DIMENSIONS,
      low: -1,
      high: 1,
      hidden: [50, 100, 50],
      solution: (x) => squares(x) + 2 * DIMENSIONS * HEAT_TIME,
    },
    { end: (x, normal) => x + Math.sqrt(2 * HEAT_TIME) * normal, payoff: squares },
  ),
);

const RATE = 0.05;
const DRIFT = RATE - 0.1;
const STRIKE = 90;
const volatility = (axis: number): number => 0.1 + (0.4 * axis) / (DIMENSIONS - 1);
const VOLATILITIES = Array.from({ length: DIMENSIONS }, (_, axis) => volatility(axis));
/** Drift and deviation of the logarithm of the geometric mean at time 1. */
const MEAN_DRIFT = DRIFT - squares(VOLATILITIES) / DIMENSIONS / 2;
const MEAN_DEVIATION = Math.sqrt(squares(VOLATILITIES)) / DIMENSIONS;
const logMean = (x: ArrayLike<number>): number =>
  Array.from(x).reduce((sum, value) => sum + Math.log(value), 0) / DIMENSIONS;

/** P(N <= x) of the standard normal distribution, to 1e-7. */
const normalAtMost = (x: number): number => (1 + errorFunction(x * Math.SQRT1_2)) / 2;

/** The price of a call on the geometric mean of ten shares, which is log-normal: the formula of Black and Scholes. */
function callOnMean(x: ArrayLike<number>): number {
  const center = logMean(x) + MEAN_DRIFT;
  const d = (center - Math.log(STRIKE)) / MEAN_DEVIATION;
  const forward = Math.exp(center + MEAN_DEVIATION ** 2 / 2);
  return Math.exp(-RATE) * (forward * normalAtMost(d + MEAN_DEVIATION) - STRIKE * normalAtMost(d));
}

/** PADAM's takes the largest of the shares, whose price has no formula. */
export const blackScholes: Problem = onCube(
  {
    description:
      'Black-Scholes equation in 10 dimensions, call on the geometric mean, deep Kolmogorov method, 50-100-50',
  },
  kolmogorov(
    { dimensions: DIMENSIONS, low: 90, high: 110, hidden: [50, 100, 50], solution: callOnMean },
    {
      end: (x, normal, axis) => x * Math.exp(DRIFT - volatility(axis) ** 2 / 2 + volatility(axis) * normal),
      payoff: (x) => Math.exp(-RATE) * Math.max(0, Math.exp(logMean(x)) - STRIKE),
    },
  ),
);

/** Weight of the boundary in the deep Ritz method. */
const BOUNDARY = 500;

/** `Laplace(u) = 2 d` in the unit cube with `u = |x|^2` on its faces, as the least of an energy. */
export const poisson: Problem = onCube(
  { description: 'Poisson equation in 10 dimensions, deep Ritz method, 32-32-32' },
  {
    dimensions: DIMENSIONS,
    low: 0,
    high: 1,
    hidden: [32, 32, 32],
    solution: squares,
    loss: (tf, network, { draws, size }) => {
      const inside = tf.tensor2d(draws.uniform(size * DIMENSIONS, 0, 1), [size, DIMENSIONS]);
      const faces = onFaces(draws, size);
      const wanted = Array.from({ length: size }, (_, row) =>
        squares(faces.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS)),
      );
      const at = (x: Tensor2D): Tensor2D => network.apply(scaled(tf, x, { low: 0, high: 1 }));
      const slope = tf.grad((x) => tf.sum(at(x as Tensor2D)))(inside);
      const energy = tf.add(tf.mul(0.5, tf.sum(tf.square(slope), 1, true)), tf.mul(2 * DIMENSIONS, at(inside)));
      const off = tf.sub(at(tf.tensor2d(faces, [size, DIMENSIONS])), tf.tensor2d(wanted, [size, 1]));
      return tf.add(tf.mean(energy), tf.mul(BOUNDARY, tf.mean(tf.square(off)))) as Scalar;
    },
  },
);

/** Points on the faces of the unit cube: one coordinate is 0 or 1. */
function onFaces(draws: Draws, size: number): Float32Array {
  const points = draws.uniform(size * DIMENSIONS, 0, 1);
  for (const [row, choice] of draws.uniform(size, 0, 2 * DIMENSIONS).entries()) {
    points[row * DIMENSIONS + (Math.floor(choice) >> 1)] = Math.floor(choice) % 2;
  }
  return points;
}
