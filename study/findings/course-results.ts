// The errors of courses: of families of averages, of the one that is chosen on points apart, and of the best there is.
// Knows no claim and no criterion.

import type { CourseResult } from '../runs/course.js';
import { type Measure, measureOf } from './measure.js';

/** Shares of a run at which averages are compared. */
export const SHARES = [0.25, 0.5, 0.75, 1] as const;

/** A set of averages of a course: whole families, or single ones by their names. */
export type Averages = (name: string) => boolean;

/** All averages of these families. */
export function family(...names: readonly string[]): Averages {
  return (name) => names.includes(name.split('/')[0] ?? '');
}

/** Every average, and no raw weights. */
export const anyAverage: Averages = (name) => name !== 'raw';

/** The windows of `'anytime'`: what criteria mean, which were fixed when it had no more. */
export const anytimeWindows: Averages = (name) => name.startsWith('anytime/window');

/** `'anytime'` of the library: its windows, and a power average of relative width 0.2. */
export const anytime: Averages = (name) => anytimeWindows(name) || name === 'power/width0.2';

/** The raw weights. */
export const raw: Averages = (name) => name === 'raw';

/** At a share of the run: the test error of the average, of these, that is best on the validation points. */
export function chosenError({ errors, checks }: CourseResult, averages: Averages, share: number): number {
  const at = Math.round(share * checks.length) - 1;
  const candidates = Object.entries(errors).filter(([name]) => averages(name));
  const points = candidates.map(
    ([, { validation, test }]) => [validation[at] ?? Number.NaN, test[at] ?? Number.NaN] as const,
  );
  return points.reduce((best, point) => (point[0] < best[0] ? point : best), [
    Number.POSITIVE_INFINITY,
    Number.NaN,
  ] as const)[1];
}

/** At a share of the run: the lowest test error of all averages. Nobody can choose it: it was found on the points that judge. */
export function lowestError({ errors, checks }: CourseResult, share: number): number {
  const at = Math.round(share * checks.length) - 1;
  const averages = Object.entries(errors).filter(([name]) => anyAverage(name));
  return Math.min(...averages.map(([, { test }]) => test[at] ?? Number.POSITIVE_INFINITY));
}

/** At each share of the run one error against another, as `100 ln(one / other)`: the same both ways. */
export function comparedErrors(
  name: string,
  runs: readonly CourseResult[],
  [one, other]: readonly [(run: CourseResult, share: number) => number, (run: CourseResult, share: number) => number],
): Measure[] {
  return SHARES.map((share) => {
    const values = runs.map((run) => 100 * Math.log(one(run, share) / other(run, share)));
    return measureOf(`${name} at ${100 * share} %`, 'ratio', values);
  });
}
