// Measures against the criteria that were written down beforehand: whether they hold, and the sentence that says what was asked.
// Measures nothing.

import type { Criterion, CriterionTest } from './criteria-file.js';
import { effectVerdict, isFew, type Missed, UNDECIDED, type Verdict } from './finding.js';
import type { Measure } from './measure.js';

/** Whether a criterion holds, what becomes of the claim, and, where it does not hold, how sure that is. */
export interface Outcome {
  /** Null where there is too little of a measure that was asked for. */
  readonly holds: boolean | null;
  readonly verdict: Verdict;
  readonly missed?: Missed;
}

/** Judges measures by a criterion; not at all where one that it asks for is not there, or has too few seeds. */
export function judgeByCriterion(measures: readonly Measure[], { finding, tests }: Criterion): Outcome {
  const found = tests.map((test) => ({ test, measures: measures.filter(({ name }) => name.startsWith(test.measure)) }));
  if (found.some((one) => one.measures.length === 0)) return UNDECIDED;
  const pairs = found.flatMap((one) => one.measures.map((measure) => ({ test: one.test, measure })));
  const undecided = pairs.filter(({ test, measure }) => isFew(finding, measure) || lacksInterval(measure, test));
  const decided = pairs.filter((pair) => !undecided.includes(pair));
  // What is seen to fail fails, whatever else is not known.
  const isBroken = decided.some(({ test, measure }) => !passes(measure, test));
  if (undecided.length > 0 && !isBroken) return UNDECIDED;
  return {
    holds: !isBroken,
    verdict: effectVerdict(
      !isBroken,
      pairs.every(({ test, measure }) => points(measure, test)),
    ),
    ...(isBroken ? { missed: missedBy(decided) } : {}),
  };
}

interface Asked {
  readonly test: CriterionTest;
  readonly measure: Measure;
}

/** An effect that is surely not as asked is another thing than an interval too wide to tell. */
function missedBy(pairs: readonly Asked[]): Missed {
  const failed = pairs.filter(({ test, measure }) => !passes(measure, test));
  const against = failed.filter(({ test, measure }) => !mayPass(measure, test));
  const surely = against.length > 0;
  return { surely, by: (surely ? against : failed).map(({ measure }) => measure.name) };
}

/** Whether a part of the interval is where the criterion wants all of it. */
function mayPass({ estimate: { interval } }: Measure, { is, bound }: CriterionTest): boolean {
  // One seed that is elsewhere is a fact.
  if (interval === undefined || is.startsWith('every')) return false;
  const [low, high] = interval;
  if (is === 'within') return low < bound && high > -bound;
  return is.endsWith('above') ? high > bound : low < bound;
}

/** Whether a test is about an interval, and there is none. */
function lacksInterval({ estimate }: Measure, { is }: CriterionTest): boolean {
  return estimate.interval === undefined && (is === 'above' || is === 'below' || is === 'within');
}

function passes({ estimate, values }: Measure, { is, bound }: CriterionTest): boolean {
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
      return estimate.mean > bound;
    case 'mean below':
      return estimate.mean < bound;
    default:
      return is satisfies never;
  }
}

/** Whether the mean alone is where the criterion wants all of it. */
function points({ estimate: { mean } }: Measure, { is, bound }: CriterionTest): boolean {
  if (is === 'within') return Math.abs(mean) < bound;
  return is.endsWith('above') ? mean > bound : mean < bound;
}

/** What was asked, in words. */
export function criterionText({ tests }: Criterion): string {
  const groups = new Map<string, string[]>();
  for (const { measure, is, bound } of tests) {
    const question = `${WORDS[is]} ${bound}`;
    groups.set(question, [...(groups.get(question) ?? []), measure]);
  }
  return [...groups].map(([question, measures]) => `${measures.join('; ')}: ${question}`).join('. ');
}

const WORDS: Readonly<Record<CriterionTest['is'], string>> = {
  above: 'interval above',
  below: 'interval below',
  within: 'interval within ±',
  'every above': 'every seed above',
  'every below': 'every seed below',
  'mean above': 'mean above',
  'mean below': 'mean below',
};
