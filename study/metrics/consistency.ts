// How much two trained models disagree on the same samples: churn and Jensen-Shannon divergence.
// Knows nothing of seeds or pairs of runs; averages over pairs are taken in intervals.ts.

import { at, type Predictions, topClasses } from './predictions.js';
import { agreement } from './scores.js';

/** Share of samples to which two models give different top classes, in [0, 1]. */
export function churn(a: Predictions, b: Predictions): number {
  return 1 - agreement(topClasses(a), topClasses(b));
}

/**
 * Mean Jensen-Shannon divergence of two models' class probabilities, in nats, in [0, ln 2].
 *
 * `JS = KL(p || m) / 2 + KL(q || m) / 2` with `m = (p + q) / 2`, per sample.
 */
export function jensenShannon(a: Predictions, b: Predictions): number {
  const { probabilities: p, classes } = a;
  const { probabilities: q } = b;
  if (p.length === 0 || p.length !== q.length || classes !== b.classes) {
    throw new RangeError(`expected predictions of one shape, received ${p.length} and ${q.length} probabilities`);
  }
  let sum = 0;
  for (let i = 0; i < p.length; i += 1) {
    const middle = (at(p, i) + at(q, i)) / 2;
    sum += relative(at(p, i), middle) + relative(at(q, i), middle);
  }
  return sum / 2 / (p.length / classes);
}

/** `p log(p / m)`, 0 where p is 0. */
function relative(p: number, m: number): number {
  return p === 0 ? 0 : p * Math.log(p / m);
}
