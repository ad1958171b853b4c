// Averages of other shapes: from steps to alphas.
// Pure numbers: no tensors, no tfjs; the choice between shapes is schedule.ts's.

import { fieldOf, invalid } from '../base/argument.js';

/** timm's and diffusers' warm-up: the decay of update `n` is capped at `1 - (1 + n / scale) ** -power`. */
export interface InverseGamma {
  /** Updates until the cap begins to grow as a power, above 0; timm's `warmup_gamma`. */
  readonly scale: number;
  /** Exponent, above 0: 2/3 reaches 0.999 after 31,600 updates, 3/4 after 10,000. */
  readonly power: number;
}

/**
 * The average whose memory is a fixed part of the run so far: the share of step `s` grows as a power of `s`. `relativeWidth` is the
 * standard deviation of its steps as a part of the run, above 0 and at most 0.2886: 0.05 and 0.1 are usual.
 * @see "Analyzing and Improving the Training Dynamics of Diffusion Models", arXiv 2312.02696, section 3.1.
 */
export interface PowerSpec {
  readonly relativeWidth: number;
}

/** A share of the steps so far, above 0 and at most 1. */
export interface SoFar {
  readonly soFar: number;
}

/**
 * The average whose half-life, time constant or window grows with the run: at every step it is that share of the steps since the start.
 * `{ halfLife: { soFar: 0.05 } }` is, but for the first steps, an exponential average with decay `2 ** (-1 / (0.05 * step))`.
 */
export type GrowingSpec = { readonly halfLife: SoFar } | { readonly timeConstant: SoFar } | { readonly window: SoFar };

/**
 * A schedule of one's own for the decay of one average. It is asked when an update is due, and where somebody looks between updates; once a
 * step, whoever looks and how often, so that it may depend on data. A checkpoint does not compare it: give the run that goes on the same one.
 * @param step optimizer steps since `start`, those that the update takes in included: 1 at the first step.
 * @returns the decay per step, in [0, 1], of all steps of this update: one of T steps keeps `decay ** T`.
 */
export type DecayFunction = (step: number) => number;

/** The shape of an average. */
export type Profile = 'exponential' | 'uniform' | PowerSpec | GrowingSpec | DecayFunction;

/**
 * Alpha of the plain mean (SWA, Polyak-Ruppert): `pending / (stepsBefore + pending)`, which is `1 / (n + 1)` at equal distances.
 *
 * Every step weighs the same: weights that stand for more steps weigh more. The weights at the start do not count: the first
 * update replaces them.
 * @param stepsBefore steps that the average already holds.
 * @param pending steps that this update adds, above 0.
 */
export function uniformAlpha(stepsBefore: number, pending: number): number {
  return pending / (stepsBefore + pending);
}

/**
 * Alpha of the power-function average, whose share of step `s` grows as `s ** exponent`:
 * `1 - (stepsBefore / (stepsBefore + pending)) ** (exponent + 1)`.
 *
 * Its memory is a fixed part of the run so far. Exponent 0 is the plain mean; the paper's warm-up,
 * `1 - 9 / (t + 10)`, is close to exponent 8.
 * @param stepsBefore steps that the average already holds; at 0, the start is replaced.
 * @param pending steps that this update adds, above 0.
 * @param exponent above -1.
 * @see "Analyzing and Improving the Training Dynamics of Diffusion Models", arXiv 2312.02696, section 3.1.
 */
export function powerAlpha(stepsBefore: number, pending: number, exponent: number): number {
  return -Math.expm1(-(exponent + 1) * Math.log1p(pending / stepsBefore));
}

/** The width of the plain mean, which is the widest. */
const WIDEST = 1 / Math.sqrt(12);

/** The width of the power-function average with an exponent, and no more than that of the plain mean. */
export function widthFromExponent(exponent: number): number {
  return Math.min(WIDEST, Math.sqrt((exponent + 1) / (exponent + 3)) / (exponent + 2));
}

/**
 * The exponent of the power-function average of a given width: the largest root of
 * `width ** 2 * (e + 2) ** 2 * (e + 3) = e + 1`.
 * @param width the standard deviation of its weights' steps, as a part of the run: 0.05 is exponent 16.97, 0.1 is 6.94.
 * @param name of the option, for the message.
 * @throws {@link EmaError} INVALID_ARGUMENT — not above 0, or above 0.2886, which is wider than the plain mean.
 */
export function exponentFromWidth(width: number, name = 'relativeWidth'): number {
  if (!(width > 0 && width <= WIDEST)) {
    throw invalid(
      name,
      `a share of the run above 0 and at most ${Math.floor(1e4 * WIDEST) / 1e4}`,
      width,
      'A usual one is 0.1.',
    );
  }
  // Newton from above: there the cubic is convex and rises, so that every step stays above the root and comes closer.
  const square = width * width;
  let exponent = 1 / width;
  for (;;) {
    const e2 = exponent + 2;
    const value = square * e2 * e2 * (exponent + 3) - (exponent + 1);
    const slope = square * e2 * (3 * exponent + 8) - 1;
    const next = Math.max(0, exponent - value / slope);
    if (!(next < exponent)) return exponent;
    exponent = next;
  }
}

/** What a share of the steps so far may be the share of, and what it is in time constants. */
const MEASURES = { halfLife: Math.LN2, timeConstant: 1, window: 1 } as const;

/** A growing average as its measure and share; undefined for any other. */
export function growing(spec: unknown): readonly [measure: keyof typeof MEASURES, share: unknown] | undefined {
  for (const measure of ['halfLife', 'timeConstant', 'window'] as const) {
    const length = fieldOf(spec, measure);
    if (typeof spec === 'object' && typeof length === 'object' && length !== null && 'soFar' in length)
      return [measure, length.soFar];
  }
  return undefined;
}

/** The window of a growing average, as a share of the steps so far; undefined for any other. */
export function growingWindow(profile: Profile | undefined): number | undefined {
  const [measure, share] = growing(profile) ?? [];
  return measure === undefined ? undefined : Number(share) / MEASURES[measure];
}

/** The exponent of an average's shape; undefined for an exponential one, and one with a function. */
export function exponentOf(profile: Profile | undefined): number | undefined {
  if (profile === undefined || profile === 'exponential' || typeof profile === 'function') return undefined;
  if (profile === 'uniform') return 0;
  // With a time constant of `c` times the steps so far, a step keeps `1 - 1 / (c s)`: as `s ** (-1 / c)` falls.
  return 'relativeWidth' in profile
    ? exponentFromWidth(profile.relativeWidth)
    : 1 / (growingWindow(profile) ?? Number.NaN) - 1;
}

/**
 * Largest decay of update `n` under timm's and diffusers' warm-up: `1 - (1 + n / scale) ** -power`.
 * @param n updates so far, 0 at the first.
 */
export function inverseGamma(n: number, { scale, power }: InverseGamma): number {
  return -Math.expm1(-power * Math.log1p(n / scale));
}

/**
 * Alpha of an average without bias from its start: `(1 - b ** p) / (1 - b ** (s + p))`; its decay, for one step, is
 * `b (1 - b ** (n - 1)) / (1 - b ** n)`.
 *
 * The start weighs nothing; what is left is what Adam and optax divide by `1 - b ** n` to get.
 * @param decay b, decay per step, in [0, 1]; 1 is the plain mean.
 * @param stepsBefore s, steps that the average already holds.
 * @param pending p, steps that this update adds, above 0.
 */
export function debiasedAlpha(decay: number, stepsBefore: number, pending: number): number {
  if (decay === 1) return uniformAlpha(stepsBefore, pending);
  const log = Math.log(decay);
  return Math.expm1(pending * log) / Math.expm1((stepsBefore + pending) * log);
}
