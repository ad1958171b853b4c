// The line through measured costs: a constant per call, and a rate at which bytes move through memory.
// Pure numbers.

import { linearRegression, median } from 'simple-statistics';

/** One measured size. */
export interface GrowthPoint {
  readonly k: number;
  /** Bytes that an update must move: parameters x (4 + 8K). */
  readonly bytes: number;
  readonly medianUs: number;
}

/** `time = constantUs + bytes / rate`. */
export interface Growth {
  /** Time of an update without work. */
  readonly constantUs: number;
  /** Rate beyond the caches. */
  readonly gbPerS: number;
  /** Slope of log time over log bytes beyond the caches: 1 when the cost is linear. */
  readonly exponent: number;
  /** Bytes from which rate and exponent are taken: below, caches help. */
  readonly from: number;
}

// Below this, what an update reads and writes may lie in a cache of this size or larger: 32 MB and more on servers.
const BEYOND_CACHE = 1e8;
// As good as no work: a microsecond or less.
const NO_WORK = 1e4;

/**
 * Fits the line.
 * @param points sizes near 0 for the constant, and at least two beyond the caches for the rate.
 * @throws Error when one of them is missing.
 */
export function fitGrowth(points: readonly GrowthPoint[]): Growth {
  const idle = points.filter(({ bytes }) => bytes < NO_WORK);
  const large = points.filter(({ bytes }) => bytes >= BEYOND_CACHE);
  if (idle.length === 0 || large.length < 2) {
    throw new Error(
      `expected a size below ${NO_WORK} bytes and two from ${BEYOND_CACHE} on, received ${idle.length} and ${large.length}`,
    );
  }
  const constantUs = median(idle.map(({ medianUs }) => medianUs));
  const worked = large.map(({ bytes, medianUs }) => ({ bytes, us: medianUs - constantUs }));
  const { m } = linearRegression(worked.map(({ bytes, us }) => [Math.log(bytes), Math.log(us)]));
  return {
    constantUs,
    gbPerS: median(worked.map(({ bytes, us }) => bytes / us / 1e3)),
    exponent: m,
    from: BEYOND_CACHE,
  };
}

/** The line's time for a point. */
export function predictUs({ constantUs, gbPerS }: Growth, { bytes }: Pick<GrowthPoint, 'bytes'>): number {
  return constantUs + bytes / gbPerS / 1e3;
}
