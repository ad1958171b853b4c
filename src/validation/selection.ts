// Choosing the best average from what validation measured.
// Runs no validation and knows no other capability.

/** Loss and metrics by name, as in `model.metricsNames`. */
export type Metrics = Readonly<Record<string, number>>;

/** Which of two values is better. */
export type Direction = 'min' | 'max';

/** Larger is better for a monitor whose name contains `acc`, as in `tf.callbacks.earlyStopping`; smaller for any other. */
export function directionOf(monitor: string): Direction {
  return monitor.includes('acc') ? 'max' : 'min';
}

/**
 * The index of the best candidate by one metric.
 *
 * Candidates are compared from the smallest decay to the largest, and a tie keeps the smaller: a longer memory must earn its
 * place. A value that is not a number never wins.
 * @param candidates metrics of each average.
 * @param decays its decay, in the same order.
 * @param metric name of the metric, without `val_`.
 * @returns undefined when no candidate has a number.
 */
export function bestIndex(
  candidates: readonly Metrics[],
  decays: readonly number[],
  metric: string,
): number | undefined {
  const direction = directionOf(metric);
  const order = decays.map((_, index) => index).sort((a, b) => (decays[a] ?? 0) - (decays[b] ?? 0));
  let best: number | undefined;
  let bestValue = Number.NaN;
  for (const index of order) {
    const value = candidates[index]?.[metric] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    if (best === undefined || (direction === 'min' ? value < bestValue : value > bestValue)) {
      best = index;
      bestValue = value;
    }
  }
  return best;
}
