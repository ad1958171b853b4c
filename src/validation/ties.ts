// Which candidates the validation set cannot tell apart from the best one: paired tests over what every sample scored.
// Measures nothing, and chooses nothing.

import type { ValidationScores } from './meter.js';
import { pairedTest, tiedWith } from './paired-test.js';
import type { Winner } from './selection.js';

/**
 * What the validation set cannot tell apart from the best average by a metric, at the 5 % level: the order among these is chance.
 *
 * Compared sample by sample: losses by Student's paired t-test, right and wrong answers by McNemar's exact test.
 */
export interface Ties {
  /** Places in `decays` of the averages that are as good, as far as one can tell; the best one itself is among them. */
  readonly averages: readonly number[];
  /** Whether the model's own weights are as good. */
  readonly raw: boolean;
}

/**
 * The ties of the best average by one metric.
 * @param best index of the best average.
 * @returns undefined where the metric has no value per sample (a loss or metric that returns one number per batch).
 */
export function tiesOf({ raw, averages }: ValidationScores, metric: string, best: number): Ties | undefined {
  const winner = averages[best]?.[metric];
  if (winner === undefined || !isComparable(winner)) return undefined;
  // One that diverged is not compared: it is not tied.
  const finite = averages.map((scores) => scores[metric]).map((scores) => (isComparable(scores) ? scores : undefined));
  const indices = finite.flatMap((scores, index) => (scores === undefined ? [] : [index]));
  const scores = finite.flatMap((values) => (values === undefined ? [] : [values]));
  const own = raw[metric];
  return {
    averages: tiedWith(scores, indices.indexOf(best)).map((place) => indices[place] ?? best),
    raw: isComparable(own) && !pairedTest(own, winner).differs,
  };
}

/**
 * The ties of every winner of a measurement, by metric.
 * @returns those that have any.
 */
export function tiesBy(scores: ValidationScores, winners: readonly Winner[]): Readonly<Record<string, Ties>> {
  const found = winners.map(({ metric, index }) => [metric, tiesOf(scores, metric, index)] as const);
  return Object.fromEntries(found.flatMap(([metric, ties]) => (ties === undefined ? [] : [[metric, ties]])));
}

function isComparable(scores: Float32Array | undefined): scores is Float32Array {
  return scores?.every(Number.isFinite) === true;
}
