// Whether two candidates differ, judged on the same samples: a paired test.
// Pure numbers: runs no model and chooses nothing.

import { invalid } from '../base/argument.js';

/** How two candidates compare on the same samples. */
export interface PairedDifference {
  /** Number of samples. */
  readonly samples: number;
  /** Mean of `first - second`. */
  readonly mean: number;
  /** Standard error of the mean: `sqrt(sum (d - mean) ** 2 / (n (n - 1)))`; 0 for fewer than two samples. */
  readonly standardError: number;
  /** Two-sided: how often equal candidates would differ at least that much. */
  readonly pValue: number;
  /** Whether the candidates can be told apart: `pValue < 0.05`. */
  readonly differs: boolean;
}

/** Two-sided, 95 %. */
const LEVEL = 0.05;
/** More degrees of freedom change no digit that matters: Student's t is then the normal distribution to 1e-6. */
const MANY_DEGREES = 1_000_000;

/**
 * Compares two candidates by what each scored on the same samples.
 *
 * Losses are compared by Student's paired t-test: `t = mean / standardError` with `n - 1` degrees of freedom. Where every
 * difference is -1, 0 or 1 (right and wrong answers), by McNemar's exact test: of the samples that only one candidate got right,
 * each is as likely to have got `k` of `m`, so `p = 2 * P(Binomial(m, 1/2) <= min(k, m - k))`, at most 1.
 * @param first a score per sample: loss, or 1 for a right answer and 0 for a wrong one.
 * @param second the other candidate's, for the same samples in the same order.
 * @throws {@link EmaError} INVALID_ARGUMENT — different lengths, or a score that is not a finite number.
 */
export function pairedTest(first: ArrayLike<number>, second: ArrayLike<number>): PairedDifference {
  const { mean, squares, wins, losses, isBinary, samples } = summarise(first, second);
  const variance = samples < 2 ? 0 : squares / (samples - 1);
  const standardError = Math.sqrt(variance / Math.max(1, samples));
  const pValue = isBinary ? signTest(wins, losses) : studentTest(mean, standardError, samples - 1);
  return { samples, mean, standardError, pValue, differs: pValue < LEVEL };
}

/**
 * The candidates that the samples cannot tell from the best one, and the best itself.
 *
 * Each is compared with the best alone, so that a wrong "differs" is more likely with more candidates: what is named here as tied is
 * tied all the more.
 * @param scores per candidate, a score per sample.
 * @param best index of the best candidate.
 * @returns indices in rising order.
 * @throws {@link EmaError} INVALID_ARGUMENT — as {@link pairedTest}, or there is no such candidate.
 */
export function tiedWith(scores: readonly ArrayLike<number>[], best: number): readonly number[] {
  const winner = scores[best];
  if (winner === undefined) throw invalid('best', `an index below ${scores.length}`, best);
  return scores.flatMap((score, index) => (index === best || !pairedTest(score, winner).differs ? [index] : []));
}

/**
 * Probability that Student's t exceeds `|t|` on either side.
 *
 * `1 - A(t | n)` with the finite sums for whole degrees of freedom n, `theta = atan(t / sqrt(n))`: for odd n
 * `A = 2/pi (theta + sin (cos + 2/3 cos^3 + 2*4/(3*5) cos^5 + ...))` up to `cos^(n - 2)`, for even n
 * `A = sin (1 + 1/2 cos^2 + 1*3/(2*4) cos^4 + ...)`.
 * @param t the statistic.
 * @param degrees of freedom, an integer of at least 1.
 * @see Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
 */
export function studentTwoSided(t: number, degrees: number): number {
  const n = Math.min(degrees, MANY_DEGREES);
  const theta = Math.atan(Math.abs(t) / Math.sqrt(n));
  const cosine = Math.cos(theta);
  const isOdd = n % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = n === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k < n; k += 2) {
    term *= ((k - 1) / k) * cosine ** 2;
    sum += term;
  }
  const inside = Math.sin(theta) * sum;
  return Math.max(0, 1 - (isOdd ? (2 / Math.PI) * (theta + inside) : inside));
}

function studentTest(mean: number, standardError: number, degrees: number): number {
  if (degrees < 1 || mean === 0) return 1;
  return studentTwoSided(mean / standardError, degrees);
}

/** McNemar's exact test: `2 * P(Binomial(wins + losses, 1/2) <= min(wins, losses))`. */
function signTest(wins: number, losses: number): number {
  const trials = wins + losses;
  const fewer = Math.min(wins, losses);
  let log = -trials * Math.LN2;
  for (let i = 1; i <= fewer; i += 1) log += Math.log((trials - i + 1) / i);
  let term = Math.exp(log);
  let sum = 0;
  for (let i = fewer; i >= 0 && term > 0; i -= 1) {
    sum += term;
    term *= i / (trials - i + 1);
  }
  return Math.min(1, 2 * sum);
}

interface Summary {
  readonly samples: number;
  readonly mean: number;
  /** Sum of squared distances from the mean. */
  readonly squares: number;
  readonly wins: number;
  readonly losses: number;
  /** Whether every difference is -1, 0 or 1. */
  readonly isBinary: boolean;
}

/** Welford's way: one pass, and no loss where the mean is large beside the spread. */
function summarise(first: ArrayLike<number>, second: ArrayLike<number>): Summary {
  const samples = first.length;
  if (second.length !== samples) throw invalid('second', `${samples} scores, as many as first`, second.length);
  let mean = 0;
  let squares = 0;
  let wins = 0;
  let losses = 0;
  let ties = 0;
  for (let i = 0; i < samples; i += 1) {
    const difference = score('first', first, i) - score('second', second, i);
    if (difference === 1) wins += 1;
    if (difference === -1) losses += 1;
    if (difference === 0) ties += 1;
    const before = difference - mean;
    mean += before / (i + 1);
    squares += before * (difference - mean);
  }
  return { samples, mean, squares, wins, losses, isBinary: wins + losses + ties === samples };
}

function score(name: string, scores: ArrayLike<number>, index: number): number {
  const value = scores[index];
  if (value !== undefined && Number.isFinite(value)) return value;
  throw invalid(
    `${name}[${index}]`,
    'a finite score',
    value,
    'An average that diverged cannot be compared: leave it out.',
  );
}
