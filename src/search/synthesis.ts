// An average with any half-life between the tracked ones, as a combination of them, after the run and without snapshots.
// Pure numbers: coefficients and the error of the kernel; how far off they can be after a run is run-bound.ts's.

import { invalid } from '../base/argument.js';
import type { EmaError } from '../base/errors.js';
import { checkDecay, halfLifeOf } from '../schedule/decay.js';

/** A combination of tracked averages that stands for one that was not tracked. */
export interface Synthesis {
  /** The decay per step that was asked for; 1 for an average that is not exponential. */
  readonly decay: number;
  /** One coefficient per tracked average, in their order; they add up to 1, and some are below 0. */
  readonly coefficients: readonly number[];
  /** Relative error of the kernel, `|k_a - sum c_i k_i| / |k_a|` in L2: the error under noise that is independent at each step. */
  readonly kernelError: number;
  /**
   * L1 norm of the kernel's error. Whatever the weights did, the result is off by at most `bound` times the greatest distance
   * of the weights during the run, start included, from any one point, in any norm.
   */
  readonly bound: number;
  /** Sum of the coefficients' sizes: how much rounding errors of the tracked averages can grow. */
  readonly amplification: number;
}

/** How averages are combined. */
export type Combining = Omit<Synthesis, 'decay' | 'bound'>;

/**
 * Above this, rounding of float32 averages (6e-8) would be visible in the result (6e-5 of a weight). Half-lives that differ by
 * a factor of 2 have an amplification below 3; only nearly equal decays reach the limit.
 */
export const MAX_AMPLIFICATION = 1000;

/**
 * Combines tracked averages into one with another decay: least squares over kernels, with coefficients that add up to 1.
 *
 * An average with decay `b` gives the weights of `s` steps ago the share `k_b(s) = (1 - b) b ** s`; two such kernels have the
 * inner product `(1 - a)(1 - b) / (1 - a b)`. In the basis of these kernels both the projection and the constraint have a closed
 * form (partial fractions of the Blaschke product `B(z)` with zeros at the decays; the Gram matrix is of Cauchy's type), so
 * no system is solved and each coefficient is accurate however close the decays are:
 *
 * `c_i = (1 - a)(1 + b_i) / (1 - a b_i) * prod_(j != i) p_ij (a - b_j) / (1 - a b_j)  +  B(a) / Q * (1 + b_i) / (1 - b_i) * prod_(j != i) p_ij`,
 * `p_ij = (1 - b_i b_j) / (b_i - b_j)`, `B(a) = prod (a - b_j) / (1 - a b_j)`, `Q = sum (1 + b_j) / (1 - b_j)`, and
 * the relative L2 error is `|B(a)| sqrt(1 + (1 + a) / ((1 - a) Q))`.
 *
 * The start of the run needs no term of its own: averages that start as a copy of the weights are those of a run that stood
 * still before, so the same coefficients and the same bound hold. The same is true of updates every T steps, and of updates in
 * between. Under a warm-up the kernels differ at the beginning: see run-bound.ts.
 *
 * @param decays decays per step of the tracked averages, in [0, 1]; one with decay 1 never moves and gets the coefficient 0.
 * @param decay decay per step of the wanted average, between the smallest and the largest of them.
 * @throws `EmaError` INVALID_ARGUMENT — outside the range of the tracked decays, where the error grows without limit; or
 *   two of them so close that rounding would decide.
 * @see The kernels and the idea: "Analyzing and Improving the Training Dynamics of Diffusion Models", arXiv 2312.02696, section 3.2.
 */
export function combine(decays: readonly number[], decay: number): Combining {
  const wanted = checkDecay('decay', decay);
  const moving = decays.map((value, index) => checkDecay(`decays[${index}]`, value)).filter((value) => value < 1);
  checkRange(moving, wanted);
  const tracked = decays.indexOf(wanted);
  if (tracked >= 0) return itself(decays, tracked);
  const blaschke = product(moving, (b) => (wanted - b) / gap(wanted, b));
  const windows = moving.reduce((sum, b) => sum + (1 + b) / (1 - b), 0);
  const coefficients = decays.map((b) =>
    b === 1 ? 0 : projected(moving, b, wanted) + (blaschke / windows) * constant(moving, b),
  );
  const amplification = coefficients.reduce((sum, c) => sum + Math.abs(c), 0);
  // Not (x <= limit), so that NaN from equal decays is refused as well.
  if (!(amplification <= MAX_AMPLIFICATION)) throw tooClose(decays, amplification);
  const kernelError = Math.abs(blaschke) * Math.sqrt(1 + (1 + wanted) / ((1 - wanted) * windows));
  return { coefficients, kernelError, amplification };
}

/** A tracked average, exactly. */
function itself(decays: readonly number[], index: number): Combining {
  return { coefficients: decays.map((_, i) => (i === index ? 1 : 0)), kernelError: 0, amplification: 1 };
}

/** Coefficient of `k_b` in the projection of `k_a` onto the span of the kernels. */
function projected(decays: readonly number[], b: number, a: number): number {
  const lead = ((1 - a) * (1 + b)) / gap(a, b);
  return lead * product(others(decays, b), (other) => (pair(b, other) * (a - other)) / gap(a, other));
}

/** Coefficient of `k_b` in the function of the span whose inner product with every kernel is 1: the constraint's direction. */
function constant(decays: readonly number[], b: number): number {
  return ((1 + b) / (1 - b)) * product(others(decays, b), (other) => pair(b, other));
}

function pair(b: number, other: number): number {
  return gap(b, other) / (b - other);
}

/** `1 - a b`, without the loss that the product's rounding would bring near 1. */
function gap(a: number, b: number): number {
  return 1 - a + a * (1 - b);
}

/** The list without one entry of this value: a second one stays, and its division by zero is found above. */
function others(decays: readonly number[], b: number): readonly number[] {
  const index = decays.indexOf(b);
  return decays.filter((_, i) => i !== index);
}

function product(decays: readonly number[], factor: (b: number) => number): number {
  return decays.reduce((result, b) => result * factor(b), 1);
}

function checkRange(decays: readonly number[], wanted: number): void {
  if (decays.length === 0) throw invalid('decays', 'tracked averages with decays below 1', decays);
  const ends = [Math.min(...decays), Math.max(...decays)] as const;
  if (wanted >= ends[0] && wanted <= ends[1]) return;
  const [from, to, received] = [...ends, wanted].map((b) => Number(halfLifeOf(b).toPrecision(4)));
  throw invalid(
    'decay',
    `a half-life from ${from} to ${to} steps`,
    received,
    'Outside the tracked decays the error grows without limit: track a wider range of them in the next run.',
  );
}

function tooClose(decays: readonly number[], amplification: number): EmaError {
  const sorted = [...decays].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((b, index) => halfLifeOf(b) / halfLifeOf(sorted[index] ?? b));
  const at = gaps.indexOf(Math.min(...gaps));
  return invalid(
    'decays',
    'tracked decays that differ',
    [sorted[at], sorted[at + 1]],
    `Rounding errors would grow ${amplification.toPrecision(2)} times. Half-lives that differ by a factor of 2 are a good choice.`,
  );
}
