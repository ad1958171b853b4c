// Averages of other shapes, and what an average remembers: from steps to alphas, shares and ages.
// Pure numbers: no tensors, no tfjs; the choice between shapes is schedule.ts's.

import { invalid } from './argument.js';

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

/** The shape of an average. */
export type Profile = 'exponential' | 'uniform' | PowerSpec;

/** What one update that catches up on several steps takes from where; the three add up to 1. */
export interface CatchUp {
  /** Share of the old average. */
  readonly kept: number;
  /** Share of the weights of the update before. */
  readonly old: number;
  /** Share of the weights now. */
  readonly fresh: number;
  /** The same as two moves with the one kernel: first towards the old weights with `alphas[0]`, then the new with `alphas[1]`. */
  readonly alphas: readonly [old: number, fresh: number];
}

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
 * @param exponent at least 0.
 * @see "Analyzing and Improving the Training Dynamics of Diffusion Models", arXiv 2312.02696, section 3.1.
 */
export function powerAlpha(stepsBefore: number, pending: number, exponent: number): number {
  return -Math.expm1(-(exponent + 1) * Math.log1p(pending / stepsBefore));
}

/**
 * Width of the power-function average: the standard deviation of its weights' steps, as a part of the run:
 * `sqrt((e + 1) / ((e + 2) ** 2 * (e + 3)))`.
 * @param exponent at least 0.
 * @returns above 0 and at most 0.289.
 * @see arXiv 2312.02696, section 3.1, where it is called sigma_rel.
 */
export function relativeWidth(exponent: number): number {
  return Math.sqrt((exponent + 1) / (exponent + 3)) / (exponent + 2);
}

/** The width of the plain mean, which is the widest. */
const WIDEST = 1 / Math.sqrt(12);

/**
 * The exponent of the power-function average of a given width: the largest root of
 * `width ** 2 * (e + 2) ** 2 * (e + 3) = e + 1`.
 * @param width as {@link relativeWidth} gives it: 0.05 is exponent 16.97, 0.1 is 6.94.
 * @throws {@link EmaError} INVALID_ARGUMENT — not above 0, or above 0.289, which is wider than the plain mean.
 */
export function exponentFromWidth(width: number): number {
  if (!(width > 0 && width <= WIDEST)) {
    throw invalid('width', `a share of the run above 0 and at most ${WIDEST.toFixed(4)}`, width, 'A usual one is 0.1.');
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

/** The exponent of an average's shape; undefined for an exponential one. */
export function exponentOf(profile: Profile | undefined): number | undefined {
  if (profile === undefined || profile === 'exponential') return undefined;
  return profile === 'uniform' ? 0 : exponentFromWidth(profile.relativeWidth);
}

/**
 * Largest decay of update `n` under timm's and diffusers' warm-up: `1 - (1 + n / scale) ** -power`.
 * @param n updates so far, 0 at the first.
 */
export function inverseGamma(n: number, { scale, power }: InverseGamma): number {
  return -Math.expm1(-power * Math.log1p(n / scale));
}

/**
 * The update at which {@link inverseGamma} no longer holds a decay back: `scale * ((1 - decay) ** (-1 / power) - 1)`.
 * @param decay decay of one update, in [0, 1].
 * @returns updates; Infinity for decay 1.
 */
export function inverseGammaEnd(decay: number, { scale, power }: InverseGamma): number {
  return scale * Math.expm1(-Math.log1p(-decay) / power);
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

/**
 * One update for many steps, as if the weights had gone in a straight line and been averaged at each step:
 * `ema' = a ** T * ema + S * fresh + (1 - a ** T - S) * old`, `S = 1 - a (1 - a ** T) / (T (1 - a))`.
 *
 * With plain `a ** T` the average is off by about half an interval of the weights' drift; here it is exact when they drift.
 * @param decay a, per step, in [0, 1].
 * @param steps T, steps since the old weights, an integer of at least 1.
 */
export function catchUp(decay: number, steps: number): CatchUp {
  const rate = -Math.log(decay);
  const kept = Math.exp(-rate * steps);
  // S = 1 - phi(T x) / psi(x), x = -ln a, written as a ratio of sums of positive terms: nothing cancels for a near 1.
  const grown = Number.isFinite(rate) ? excess(rate) : Number.POSITIVE_INFINITY;
  const fresh = Number.isFinite(grown) ? (grown - excess(-rate * steps)) / (1 + grown) : 1;
  const old = steps === 1 ? 0 : Math.max(0, -Math.expm1(-rate * steps) - fresh);
  return { kept, old, fresh, alphas: [fresh === 1 ? 0 : old / (1 - fresh), fresh] };
}

/**
 * {@link catchUp} for averages whose alpha changes from step to step, in a sum over the steps: the weights of step `j` of T are
 * `old + j / T (fresh - old)`.
 * @param steps T, steps since the old weights, an integer of at least 1.
 * @param alpha of the step after so many.
 */
export function pathShares(steps: number, alpha: (step: number) => number): CatchUp {
  let kept = 1;
  let fresh = 0;
  for (let step = 0; step < steps; step += 1) {
    const now = alpha(step);
    kept *= 1 - now;
    fresh = (1 - now) * fresh + now * ((step + 1) / steps);
  }
  const old = steps === 1 ? 0 : Math.max(0, 1 - kept - fresh);
  return { kept, old, fresh, alphas: [fresh === 1 ? 0 : Math.min(1, old / (1 - fresh)), fresh] };
}

/** `(exp(z) - 1 - z) / z`, without loss near 0. */
function excess(z: number): number {
  if (Math.abs(z) > 0.5) return (Math.expm1(z) - z) / z;
  let term = z / 2;
  let sum = 0;
  for (let k = 3; sum + term !== sum; k += 1) {
    sum += term;
    term *= z / k;
  }
  return sum;
}

/**
 * What averages remember, kept up with each update: how much of the start is left, and how old the weights in them are.
 *
 * It holds for any schedule, warm-up and distance between updates, because it goes through the same moves as the averages.
 */
export class Memory {
  readonly #initialShares: number[];
  readonly #ages: number[];

  /** @param averages their number. */
  constructor(averages: number) {
    this.#initialShares = new Array<number>(averages).fill(1);
    this.#ages = new Array<number>(averages).fill(0);
  }

  /**
   * Goes through an update: `share *= 1 - alpha`, `age = (1 - alpha) * (age + pending)`.
   * @param alphas one per average.
   * @param pending steps that the update added.
   */
  advance(alphas: readonly number[], pending: number): void {
    alphas.forEach((alpha, index) => {
      this.#initialShares[index] = (1 - alpha) * this.initialShare(index);
      this.#ages[index] = (1 - alpha) * (this.meanAge(index) + pending);
    });
  }

  /** Share of an average that is still the weights it started from, in [0, 1]. */
  initialShare(average: number): number {
    return this.#initialShares[average] ?? Number.NaN;
  }

  /** Mean age, in steps, of the weights in an average; what it started from counts from the start. */
  meanAge(average: number): number {
    return this.#ages[average] ?? Number.NaN;
  }

  /**
   * Effective window in steps: the mean age plus one interval, which is the paper's `T / (1 - decay ** T)` once the start is
   * forgotten. Under the paper's warm-up it is a tenth of the updates so far, plus one, times T.
   * @param updateEvery T, steps between updates.
   */
  window(average: number, updateEvery: number): number {
    return this.meanAge(average) + updateEvery;
  }
}

/**
 * What averages will remember after a run.
 * @param steps optimizer steps of the run.
 * @param updateEvery steps between updates; what is left over at the end is an update too.
 * @param alphas as `Schedule.alphas`: one per average, for an update after `stepsBefore` steps that adds `pending`.
 */
export function forecast(
  steps: number,
  updateEvery: number,
  alphas: (stepsBefore: number, pending: number) => readonly number[],
): Memory {
  const memory = new Memory(alphas(0, updateEvery).length);
  for (let before = 0; before < steps; before += updateEvery) {
    const pending = Math.min(updateEvery, steps - before);
    memory.advance(alphas(before, pending), pending);
  }
  return memory;
}

/**
 * Steps until an average without warm-up holds less than a share of its start: `ceil(ln share / ln decay)`, such as 459 steps
 * at decay 0.99 and 46,050 at 0.9999 for 1 %.
 * @param decay per step, in [0, 1].
 * @param share in (0, 1). @defaultValue 0.01
 * @returns steps; Infinity for decay 1.
 */
export function stepsUntilForgotten(decay: number, share = 0.01): number {
  // Sizes, because 0 of decay 1 must give Infinity, not -Infinity.
  return Math.max(1, Math.ceil(Math.abs(Math.log(share)) / Math.abs(Math.log(decay))));
}

/**
 * The longest half-life with which a run without warm-up forgets its start: `steps * ln 2 / -ln share`, about a seventh of the run.
 * @param steps optimizer steps of the run.
 * @param share what may be left of the start, in (0, 1). @defaultValue 0.01
 */
export function longestHalfLife(steps: number, share = 0.01): number {
  return (-Math.LN2 * steps) / Math.log(share);
}

/**
 * Which averages are one and the same because the warm-up has held all of them back up to now.
 *
 * A decay matters from the first update whose cap is above it. So under the paper's cap `(t + 1) / (t + 10)`, all decays of at
 * least `n / (n + 9)` are the same average after `n` updates.
 * @param decays per tick of the warm-up's clock: `equivalentDecay(decay, T)` where it counts updates, else per step.
 * @param cap the warm-up's cap at the last update: `paperWarmup(n - 1)` after `n` updates.
 * @returns indices of two or more averages, or none.
 */
export function indistinguishable(decays: readonly number[], cap: number): readonly number[] {
  const held = decays.flatMap((decay, index) => (decay >= cap ? [index] : []));
  return held.length > 1 ? held : [];
}
