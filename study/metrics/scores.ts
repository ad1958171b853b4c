// Scores of one classifier on one set of samples: accuracy, negative log-likelihood, Brier score.
// Holds no binning; that is calibration.ts.

import { at, checkShape, type Predictions, topClasses } from './predictions.js';

// A probability of 0 would make the likelihood infinite; scikit-learn clips in the same way.
const TINY = Number.EPSILON;

/** Share of samples whose most probable class is the label, in [0, 1]. */
export function accuracy(predictions: Predictions): number {
  return agreement(topClasses(predictions), predictions.labels);
}

/** Share of positions at which two lists of classes are equal, in [0, 1]. */
export function agreement(classes: ArrayLike<number>, others: ArrayLike<number>): number {
  if (classes.length === 0 || classes.length !== others.length) {
    throw new RangeError(`expected two lists of one length, received ${classes.length} and ${others.length}`);
  }
  let equal = 0;
  for (let i = 0; i < classes.length; i += 1) if (at(classes, i) === at(others, i)) equal += 1;
  return equal / classes.length;
}

/** Mean negative log-likelihood of the labels: `-mean(log p[label])`, in nats. */
export function negativeLogLikelihood({ probabilities, labels, classes }: Predictions): number {
  checkShape(probabilities.length, labels.length, classes);
  let sum = 0;
  for (let row = 0; row < labels.length; row += 1) {
    sum -= Math.log(Math.max(at(probabilities, row * classes + at(labels, row)), TINY));
  }
  return sum / labels.length;
}

/** Brier score over all classes: `mean(sum_c (p_c - [c = label])^2)`, in [0, 2]. */
export function brier({ probabilities, labels, classes }: Predictions): number {
  checkShape(probabilities.length, labels.length, classes);
  let sum = 0;
  for (let i = 0; i < probabilities.length; i += 1) {
    const target = i % classes === at(labels, Math.floor(i / classes)) ? 1 : 0;
    sum += (at(probabilities, i) - target) ** 2;
  }
  return sum / labels.length;
}
