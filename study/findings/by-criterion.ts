// Measures against the criteria that were written down beforehand: whether they hold, and the sentence that says what was asked.
// Measures nothing.

import type { Criterion, CriterionTest } from './criteria-file.js';
import { effectVerdict, type Verdict } from './finding.js';
import type { Measure } from './measure.js';

/** Whether a criterion holds, and what becomes of the claim. */
export interface Outcome {
  /** Null where a measure that was asked for is not there. */
  readonly holds: boolean | null;
  readonly verdict: Verdict;
}

/** Judges measures by a criterion. */
export function judgeByCriterion(measures: readonly Measure[], { tests }: Criterion): Outcome {
  const found = tests.map((test) => ({ test, measures: measures.filter(({ name }) => name.startsWith(test.measure)) }));
  // Of what was asked, some is not there: not all conditions were run, or no run came so far.
  const isThere = (all: readonly Measure[]): boolean => all.some(({ estimate }) => !Number.isNaN(estimate.mean));
  if (!found.every((one) => isThere(one.measures))) return { holds: null, verdict: 'not measured' };
  const pairs = found.flatMap((one) => one.measures.map((measure) => ({ test: one.test, measure })));
  const holds = pairs.every(({ test, measure }) => passes(measure, test));
  return {
    holds,
    verdict: effectVerdict(
      holds,
      pairs.every(({ test, measure }) => points(measure, test)),
    ),
  };
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
