// How far each family of averages is behind the best average there is, at four moments of a course.
// Judges nothing.

import { type Estimate, meanInterval } from '../metrics/intervals.js';
import type { CourseResult } from '../runs/course.js';
import {
  type Averages,
  anyAverage,
  anytime,
  anytimeWindows,
  chosenError,
  family,
  lowestError,
  raw,
  SHARES,
} from './course-results.js';

/** A course with what each family comes to. */
export interface CourseTable {
  readonly condition: string;
  readonly seeds: readonly number[];
  /** Mean lowest test error of all averages at each of {@link SHARES}, in the problem's measure. */
  readonly lowest: readonly number[];
  /** Mean test errors at the end, in the problem's measure, with their 95 % intervals. */
  readonly end: {
    readonly raw: Estimate;
    /** Of all averages the one with the lowest mean: known only afterwards. */
    readonly single: Estimate & { readonly name: string };
    readonly anytime: Estimate;
  };
  /** By family: mean of `100 ln(chosen / lowest)` at each of {@link SHARES}. */
  readonly behind: Readonly<Record<string, readonly number[]>>;
}

/** What users choose from: families of averages, and single ones. */
export const CHOICES: Readonly<Record<string, Averages>> = {
  'raw weights': raw,
  "'auto' (5)": family('auto'),
  "'anytime' (6)": anytime,
  "the five windows of 'anytime'": anytimeWindows,
  "the paper's five": family('paper'),
  'decay 0.99': (name) => name === 'single/0.99',
  'decay 0.999': (name) => name === 'single/0.999',
  'decay 0.9999': (name) => name === 'single/0.9999',
  'power, width 0.05': (name) => name === 'power/width0.05',
  'power, width 0.1': (name) => name === 'power/width0.1',
  'power, width 0.2': (name) => name === 'power/width0.2',
  uniform: family('uniform'),
};

/** A table for each course, in the order of their first runs. */
export function courseTables(courses: readonly CourseResult[]): CourseTable[] {
  const conditions = [...new Set(courses.map(({ conditionId }) => conditionId))];
  return conditions.map((condition) => {
    const runs = courses.filter(({ conditionId }) => conditionId === condition);
    const average = (value: (run: CourseResult) => number): number => {
      return runs.reduce((sum, run) => sum + value(run), 0) / runs.length;
    };
    const behind = Object.entries(CHOICES).map(([name, choice]) => {
      return [name, SHARES.map((share) => average((run) => behindLowest(run, choice, share)))];
    });
    return {
      condition,
      seeds: runs.map(({ seed }) => seed),
      lowest: SHARES.map((share) => average((run) => lowestError(run, share))),
      end: endOf(runs),
      behind: Object.fromEntries(behind),
    };
  });
}

function endOf(runs: readonly CourseResult[]): CourseTable['end'] {
  const errorOf = (averages: Averages): Estimate => meanInterval(runs.map((run) => chosenError(run, averages, 1)));
  const names = Object.keys(runs[0]?.errors ?? {}).filter(anyAverage);
  const singles = names.map((name) => ({ name, ...errorOf((other) => other === name) }));
  const [single = { name: '', ...errorOf(raw) }] = singles.sort((one, other) => one.mean - other.mean);
  return { raw: errorOf(raw), single, anytime: errorOf(anytime) };
}

function behindLowest(run: CourseResult, choice: Averages, share: number): number {
  return 100 * Math.log(chosenError(run, choice, share) / lowestError(run, share));
}
