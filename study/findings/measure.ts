// One number of a study, by seed, with its interval.
// Knows no claim and no criterion.

import { type Estimate, meanInterval } from '../metrics/intervals.js';

/** Unit of a measure: percentage points, per cent, nats, epochs, or a plain number. */
export type Unit = 'pp' | '%' | 'nats' | 'epochs' | 'share' | '';

/** One number with its interval. */
export interface Measure {
  readonly name: string;
  readonly unit: Unit;
  readonly estimate: Estimate;
  /** One value per seed, or per pair of seeds. */
  readonly values: readonly number[];
}

/** One number per seed, with its mean and interval. */
export function measureOf(name: string, unit: Unit, values: readonly number[]): Measure {
  return { name, unit, estimate: meanInterval(values), values };
}
