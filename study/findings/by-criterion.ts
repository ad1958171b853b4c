// A criterion of the file as questions to measures, and as the sentence that says what was asked.
// Measures and judges nothing.

import type { Asked, Question } from './criteria.js';
import type { Criterion } from './criteria-file.js';
import type { Measure } from './measure.js';

/** What a criterion asks of these measures; undefined where one that it asks for is not there. */
export function askedBy(
  { tests }: Pick<Criterion, 'tests'>,
  measures: readonly Measure[],
): readonly Asked[] | undefined {
  const asked = tests.map(({ measure: name, is, bound }) => {
    return measures.filter((measure) => measure.name.startsWith(name)).map((measure) => ({ measure, is, bound }));
  });
  return asked.some((questions) => questions.length === 0) ? undefined : asked.flat();
}

/** What was asked, in words. */
export function criterionText({ tests }: Pick<Criterion, 'tests'>): string {
  const groups = new Map<string, string[]>();
  for (const { measure, is, bound } of tests) {
    const question = `${WORDS[is]} ${bound}`;
    groups.set(question, [...(groups.get(question) ?? []), measure]);
  }
  return [...groups].map(([question, measures]) => `${measures.join('; ')}: ${question}`).join('. ');
}

const WORDS: Readonly<Record<Question, string>> = {
  above: 'interval above',
  below: 'interval below',
  within: 'interval within ±',
  'every above': 'every seed above',
  'every below': 'every seed below',
  'mean above': 'mean above',
  'mean below': 'mean below',
  'mean within': 'mean within ±',
  'about 0': 'interval holds 0, or mean within ±',
};
