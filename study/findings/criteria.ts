// The tests that criteria are made of: on intervals, and on every seed.
// Knows no claim.

import type { Measure } from './measure.js';

/** The whole interval is above a bound; false without an interval. */
export function isAbove({ estimate: { interval } }: Measure, bound = 0): boolean {
  return interval !== undefined && interval[0] > bound;
}

/** The whole interval is below a bound; false without an interval. */
export function isBelow({ estimate: { interval } }: Measure, bound = 0): boolean {
  return interval !== undefined && interval[1] < bound;
}

/** The mean is within a margin of 0. */
export function isWithin({ estimate: { mean } }: Measure, margin: number): boolean {
  return Math.abs(mean) <= margin;
}

/** The interval contains 0; undefined without an interval, which could not tell. */
export function containsZero({ estimate: { interval } }: Measure): boolean | undefined {
  return interval && interval[0] <= 0 && interval[1] >= 0;
}

/** Every value, of each seed or pair of seeds, is above 0. */
export function isPositiveInEvery({ values }: Measure): boolean {
  return values.length > 0 && values.every((value) => value > 0);
}

/** Every value, of each seed or pair of seeds, is below 0. */
export function isNegativeInEvery({ values }: Measure): boolean {
  return values.length > 0 && values.every((value) => value < 0);
}
