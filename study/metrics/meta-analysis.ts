// One effect over several studies: its mean, how sure of it, and how much the studies differ.
// Knows no findings.

import { sum } from 'simple-statistics';
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
 * A random-effects meta-analysis: between-study variance by DerSimonian and Laird, interval by Hartung and Knapp, which is right for few studies.
 *
 * With weights `w = 1 / se^2`, `Q = sum w (x - mean)^2` and `tau^2 = (Q - (k - 1)) / (sum w - sum w^2 / sum w)`, at least 0, the mean is weighted
 * by `1 / (se^2 + tau^2)`, and its variance is `sum w (x - mean)^2 / ((k - 1) sum w)` of those weights.
 * @param effects at least two.
 * @see Hartung and Knapp, "A refined method for the meta-analysis of controlled clinical trials with binary outcome", 2001.
 */
export function pooledEffect(effects: readonly Effect[]): PooledEffect {
  const freedom = effects.length - 1;
  if (freedom < 1) throw new RangeError(`effects: expected at least 2, received ${effects.length}`);
  const fixed = weighted(effects, 0);
  const total = sum(fixed.weights);
  const spare = total - sum(fixed.weights.map((weight) => weight * weight)) / total;
  const variance = Math.max(0, (fixed.scatter - freedom) / spare);
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

/** The mean with these weights, and the weighted sum of squares around it. */
function weighted(effects: readonly Effect[], variance: number) {
  const weights = effects.map(({ standardError }) => 1 / (standardError ** 2 + variance));
  const mean = sum(effects.map((effect, i) => (weights[i] ?? 0) * effect.mean)) / sum(weights);
  const scatter = sum(effects.map((effect, i) => (weights[i] ?? 0) * (effect.mean - mean) ** 2));
  return { weights, mean, scatter };
}
