// What a criterion asks of measures, and what becomes of a claim by the answers.
// Knows no claim, and no file.

import type { Measure } from './measure.js';

/**
 * What a measure must be, with a bound in its unit.
 *
 * `above`, `below`: the whole 95 % interval is. `within`: the whole interval is within ± the bound. `every above`, `every below`: each seed
 * is. `mean above`, `mean below`, `mean within`: the mean is. `about 0`: the interval holds 0, or the mean is within ± the bound.
 */
export type Question =
  | 'above'
  | 'below'
  | 'within'
  | 'every above'
  | 'every below'
  | 'mean above'
  | 'mean below'
  | 'mean within'
  | 'about 0';

/** A question to a measure. */
export interface Asked {
  readonly measure: Measure;
  readonly is: Question;
  readonly bound: number;
}

/**
 * What became of a claim in one place.
 *
 * `met`: its criterion is. `missed`: surely not, figures lie wholly elsewhere. `open`: not met, and not surely elsewhere: intervals are too
 * wide to tell, or single seeds do what none should. `reported`: no criterion was fixed. `does not apply`: what the claim is about does not happen there.
 * `not enough data`: some of its runs were made, and too few of them. `not measured`: conditions that it needs were not run at all.
 */
export type Verdict = 'met' | 'missed' | 'open' | 'reported' | 'does not apply' | 'not enough data' | 'not measured';

/** Whether a criterion is met, what becomes of the claim, and by which measures it is not. */
export interface Outcome {
  /** Null where it was not judged. */
  readonly holds: boolean | null;
  readonly verdict: Verdict;
  /** Names of measures: those that lie surely elsewhere, or, where none does, those that are too wide to tell. */
  readonly failed?: readonly string[];
}

/** Two seeds leave one degree of freedom: an interval twelve times as wide as its error says nothing. */
const FEWEST_SEEDS = 3;

/**
 * The answers put together; not judged where a measure has too few seeds, but for what is seen to fail: that fails, whatever else is not known.
 * @param asked where it is empty, no criterion was fixed.
 * @param finding a broken promise (F0) is seen in one seed; nothing else is.
 */
export function outcomeOf(asked: readonly Asked[], finding: string): Outcome {
  if (asked.length === 0) return { holds: null, verdict: 'reported' };
  const isPromise = finding === 'F0';
  const isFew = ({ estimate }: Measure): boolean => !isPromise && estimate.seeds < FEWEST_SEEDS;
  const decided = asked.filter((one) => !isFew(one.measure) && !lacksInterval(one));
  const failed = decided.filter((one) => !passes(one));
  if (failed.length === 0) {
    return decided.length < asked.length ? NOT_ENOUGH : { holds: true, verdict: 'met' };
  }
  // An effect that is surely not as asked is another thing than an interval too wide to tell.
  const surely = failed.filter((one) => isPromise || !mayPass(one));
  const by = surely.length > 0 ? surely : failed;
  return {
    holds: false,
    verdict: surely.length > 0 ? 'missed' : 'open',
    failed: [...new Set(by.map(({ measure }) => measure.name))],
  };
}

/** There are figures, and too few of them to judge. */
export const NOT_ENOUGH: Outcome = { holds: null, verdict: 'not enough data' };

/** Whether a question is about an interval, and there is none. */
function lacksInterval({ measure: { estimate }, is }: Asked): boolean {
  return estimate.interval === undefined && (is === 'above' || is === 'below' || is === 'within');
}

function passes({ measure: { estimate, values }, is, bound }: Asked): boolean {
  const { mean } = estimate;
  const [low, high] = estimate.interval ?? [Number.NaN, Number.NaN];
  switch (is) {
    case 'above':
      return low > bound;
    case 'below':
      return high < bound;
    case 'within':
      return low > -bound && high < bound;
    case 'every above':
      return values.every((value) => value > bound);
    case 'every below':
      return values.every((value) => value < bound);
    case 'mean above':
      return mean > bound;
    case 'mean below':
      return mean < bound;
    case 'mean within':
      return Math.abs(mean) <= bound;
    case 'about 0':
      return (low <= 0 && high >= 0) || Math.abs(mean) <= bound;
    default:
      return is satisfies never;
  }
}

/** Whether a part of the interval is where the criterion wants all of it, or the mean is where it wants every seed. */
function mayPass({ measure: { estimate }, is, bound }: Asked): boolean {
  if (is === 'every above') return estimate.mean > bound;
  if (is === 'every below') return estimate.mean < bound;
  // An interval without 0 is a fact.
  if (estimate.interval === undefined || is === 'about 0') return false;
  const [low, high] = estimate.interval;
  if (is.endsWith('within')) return low < bound && high > -bound;
  return is.endsWith('above') ? high > bound : low < bound;
}
