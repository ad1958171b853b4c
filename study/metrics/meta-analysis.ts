// One effect over several studies: its mean, how sure of it, and how much the studies differ.
// Knows no findings.

import { bisect, sum } from 'simple-statistics';
import { studentQuantile } from './intervals.js';

/** An effect as one study measured it. */
export interface Effect {
  readonly mean: number;
  /** Above 0. */
  readonly standardError: number;
}

/** An effect over studies. */
export interface PooledEffect {
  readonly mean: number;
  /** 95 %. */
  readonly interval: readonly [low: number, high: number];
  readonly studies: number;
  /** Standard deviation of the true effects between studies. */
  readonly between: number;
  /** I2: the share of what differs that is more than chance, in [0, 1]. */
  readonly heterogeneity: number;
}

/**
 * A random-effects meta-analysis: between-study variance by Paule and Mandel, interval by Hartung and Knapp, which is right for few studies.
 *
 * With weights `w = 1 / (se^2 + tau^2)` the mean is weighted, and `tau^2` is where `sum w (x - mean)^2` is what chance alone would give, `k - 1`;
 * 0 where it is less without. The variance of the mean is `sum w (x - mean)^2 / ((k - 1) sum w)`. DerSimonian and Laird's closed form
 * falls far too low where one effect is known hundreds of times better than others.
 * @param effects at least two.
 * @see Paule and Mandel, "Consensus values and weighting factors", 1982.
 * @see Hartung and Knapp, "A refined method for the meta-analysis of controlled clinical trials with binary outcome", 2001.
 */
export function pooledEffect(effects: readonly Effect[]): PooledEffect {
  const freedom = effects.length - 1;
  if (freedom < 1) throw new RangeError(`effects: expected at least 2, received ${effects.length}`);
  const fixed = weighted(effects, 0);
  const variance = fixed.scatter <= freedom ? 0 : between(effects, freedom);
  const { mean, scatter, weights } = weighted(effects, variance);
  const margin = studentQuantile(0.975, freedom) * Math.sqrt(scatter / freedom / sum(weights));
  return {
    mean,
    interval: [mean - margin, mean + margin],
    studies: effects.length,
    between: Math.sqrt(variance),
    heterogeneity: fixed.scatter === 0 ? 0 : Math.max(0, (fixed.scatter - freedom) / fixed.scatter),
  };
}

/** The variance between studies at which their scatter is what chance gives; scatter falls as it grows. */
function between(effects: readonly Effect[], freedom: number): number {
  const means = effects.map(({ mean }) => mean);
  const range = (Math.max(...means) - Math.min(...means)) ** 2;
  // No weight is above 1 / (2 range) there, so that scatter is at most k / 2.
  const highest = 2 * range;
  return bisect((share) => weighted(effects, share * highest).scatter - freedom, 0, 1, 200, 1e-14) * highest;
}

/** The mean with these weights, and the weighted sum of squares around it. */
function weighted(effects: readonly Effect[], variance: number) {
  const weights = effects.map(({ standardError }) => 1 / (standardError ** 2 + variance));
  const mean = sum(effects.map((effect, i) => (weights[i] ?? 0) * effect.mean)) / sum(weights);
  const scatter = sum(effects.map((effect, i) => (weights[i] ?? 0) * (effect.mean - mean) ** 2));
  return { weights, mean, scatter };
}
