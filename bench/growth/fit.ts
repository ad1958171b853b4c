// The line through measured costs: a constant per call, and the rates at which bytes move.
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
  /** Rate of updates too large for caches. */
  readonly memoryGbPerS: number;
  /** Rate of updates whose memory stays in a cache; undefined when no such size was measured. */
  readonly cachedGbPerS: number | undefined;
  /** Slope of log time over log bytes beyond the caches: 1 when the cost is linear. */
  readonly exponent: number;
}

/** From this on, what an update reads and writes is too large for caches: servers have 32 MB and more. */
export const BEYOND_CACHE = 1e8;
// In these limits it fits into the caches of most processors, and the work is more than the call.
const CACHED = { from: 9e5, to: 1.1e7 };
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
  const cached = points.filter(({ bytes }) => bytes >= CACHED.from && bytes <= CACHED.to);
  if (idle.length === 0 || large.length < 2) {
    throw new Error(
      `expected a size below ${NO_WORK} bytes and two from ${BEYOND_CACHE} on, received ${idle.length} and ${large.length}`,
    );
  }
  const constantUs = median(idle.map(({ medianUs }) => medianUs));
  const rate = (list: readonly GrowthPoint[]): number =>
    median(list.map(({ bytes, medianUs }) => bytes / (medianUs - constantUs) / 1e3));
  const { m } = linearRegression(
    large.map(({ bytes, medianUs }) => [Math.log(bytes), Math.log(medianUs - constantUs)]),
  );
  const cachedGbPerS = cached.length === 0 ? undefined : rate(cached);
  return { constantUs, memoryGbPerS: rate(large), cachedGbPerS, exponent: m };
}

/** The line's time for so many bytes. */
export function predictUs(constantUs: number, gbPerS: number, bytes: number): number {
  return constantUs + bytes / gbPerS / 1e3;
}

/** The line in words. */
export function describeGrowth({ constantUs, memoryGbPerS, cachedGbPerS }: Growth): string {
  const cached = cachedGbPerS === undefined ? '' : `, ${cachedGbPerS.toFixed(0)} GB/s from caches`;
  return `${constantUs.toFixed(1)} us per call + bytes / ${memoryGbPerS.toFixed(1)} GB/s from memory${cached}`;
}
