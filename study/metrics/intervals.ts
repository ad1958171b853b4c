// Means with 95 % confidence intervals: paired differences over seeds, and statistics of pairs of seeds by jackknife.
// Knows nothing of models or findings.

import { bisect, mean, sampleStandardDeviation, sum } from 'simple-statistics';
import { studentTwoSided } from '../../src/validation/paired-test.js';
import { at } from './predictions.js';

/** A mean over seeds and what is known of it. */
export interface Estimate {
  /** Mean. */
  readonly mean: number;
  /** 95 % confidence interval; absent where there are too few seeds for one. */
  readonly interval: readonly [low: number, high: number] | undefined;
  /** How many seeds. */
  readonly seeds: number;
}

/**
 * Mean and t-interval of one number per seed; of paired differences, it is the paired t-interval.
 * @param values at least one.
 */
export function meanInterval(values: readonly number[]): Estimate {
  if (values.length === 0) throw new RangeError('values: expected at least one, received none');
  const center = mean([...values]);
  if (values.length < 2) return { mean: center, interval: undefined, seeds: values.length };
  const error = sampleStandardDeviation([...values]) / Math.sqrt(values.length);
  return { mean: center, interval: around(center, error, values.length - 1), seeds: values.length };
}

/**
 * Mean of `after - before`, seed by seed, with its t-interval.
 * @param after one value per seed.
 * @param before the same seeds in the same order.
 */
export function pairedInterval(after: readonly number[], before: readonly number[]): Estimate {
  if (after.length !== before.length) {
    throw new RangeError(`expected the same seeds twice, received ${after.length} and ${before.length} values`);
  }
  return meanInterval(after.map((value, seed) => value - at(before, seed)));
}

/**
 * Mean over all pairs of seeds of a symmetric statistic, with an interval by jackknife over seeds.
 *
 * The pairs share seeds and are not independent: leaving out one seed at a time gives the standard error
 * `sqrt((n - 1) / n * sum_i (mean without i - their mean)^2)`.
 * @param seeds how many, at least 2; below 3 there is no interval.
 * @param pair the statistic of seeds i < j.
 */
export function pairwiseInterval(seeds: number, pair: (i: number, j: number) => number): Estimate {
  const pairs: { readonly i: number; readonly j: number; readonly value: number }[] = [];
  for (let i = 0; i < seeds; i += 1) for (let j = i + 1; j < seeds; j += 1) pairs.push({ i, j, value: pair(i, j) });
  if (pairs.length === 0) throw new RangeError(`seeds: expected at least 2, received ${seeds}`);
  const center = mean(pairs.map(({ value }) => value));
  if (seeds < 3) return { mean: center, interval: undefined, seeds };
  const without = Array.from({ length: seeds }, (_, left) => {
    return mean(pairs.filter(({ i, j }) => i !== left && j !== left).map(({ value }) => value));
  });
  const middle = mean(without);
  const error = Math.sqrt(((seeds - 1) / seeds) * sum(without.map((value) => (value - middle) ** 2)));
  return { mean: center, interval: around(center, error, seeds - 1), seeds };
}

/**
 * Quantile of Student's t distribution.
 * @param probability in (0, 1).
 * @param degrees degrees of freedom, an integer of at least 1.
 */
export function studentQuantile(probability: number, degrees: number): number {
  if (!(probability > 0 && probability < 1) || !Number.isSafeInteger(degrees) || degrees < 1) {
    throw new RangeError(
      `expected a probability in (0, 1) and degrees of at least 1, received ${probability} and ${degrees}`,
    );
  }
  // In terms of the angle theta = atan(t / sqrt(degrees)), the range is finite.
  const tOf = (theta: number): number => Math.sqrt(degrees) * Math.tan(theta);
  const excess = (theta: number): number => studentAtMost(tOf(theta), degrees) - probability;
  return tOf(bisect(excess, -Math.PI / 2, Math.PI / 2, 80, 1e-15));
}

/** P(T <= t). */
function studentAtMost(t: number, degrees: number): number {
  const beyond = studentTwoSided(t, degrees) / 2;
  return t < 0 ? beyond : 1 - beyond;
}

function around(center: number, error: number, degrees: number): [number, number] {
  const margin = studentQuantile(0.975, degrees) * error;
  return [center - margin, center + margin];
}
