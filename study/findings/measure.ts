// One number of a study, by seed, with its interval.
// Knows no claim and no criterion.

import { type Estimate, meanInterval } from '../metrics/intervals.js';
import { MissingData } from './missing-data.js';

/** Unit of a measure: percentage points, per cent, nats, epochs, `100 ln` of a ratio of two errors, or a plain number. */
export type Unit = 'pp' | '%' | 'nats' | 'epochs' | 'ratio' | 'share' | '';

/** One number with its interval. */
export interface Measure {
  readonly name: string;
  readonly unit: Unit;
  readonly estimate: Estimate;
  /** One value per seed, or per pair of seeds. */
  readonly values: readonly number[];
}

/**
 * One number per seed, with its mean and interval.
 * @throws MissingData — there are none, or one of them is no number: a run has not measured it.
 */
export function measureOf(name: string, unit: Unit, values: readonly number[]): Measure {
  if (values.length === 0 || values.some(Number.isNaN)) {
    throw new MissingData(
      `${name || 'a level'}: ${values.length === 0 ? 'no run measured it' : 'a run has no number for it'}`,
    );
  }
  return { name, unit, estimate: meanInterval(values), values };
}

/** One number that all seeds have together: a count, or a difference of medians. */
export function wholeMeasure(name: string, unit: Unit, value: number, seeds: number): Measure {
  return { name, unit, estimate: { mean: value, interval: undefined, seeds }, values: [value] };
}
