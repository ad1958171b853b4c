// What courses show: whether averages beat the raw weights, and which averages a user should have who knows nothing yet.
// Criteria are in criteria.jsonl; they were fixed before the seeds were run.

import type { CourseResult } from '../runs/course.js';
import {
  type Averages,
  anyAverage,
  anytimeWindows,
  chosenError,
  comparedErrors,
  family,
  lowestError,
  raw,
} from './course-results.js';
import type { Kind } from './finding.js';
import { type Measure, measureOf } from './measure.js';
import { MissingData } from './missing-data.js';

/** A claim on courses and how it is measured. */
export interface CourseRule {
  readonly id: string;
  readonly title: string;
  /** Who says so, with the place. */
  readonly paper: string;
  readonly kind?: Kind;
  /** What the claim is where a criterion asks for no difference. */
  readonly equal?: { readonly title: string; readonly kind: Kind };
  /** @param runs of the course that a criterion names. @param all of the domain's. */
  readonly measures: (runs: readonly CourseResult[], all: readonly CourseResult[]) => Measure[];
}

const of =
  (averages: Averages) =>
  (run: CourseResult, share: number): number =>
    chosenError(run, averages, share);

const widthTenth: Averages = (name) => name === 'power/width0.1';
const single: Averages = (name) => name === 'single/0.999';

/** The chosen average of a run against the raw weights of the run of another course with the same seed, at the end. */
function againstSchedule(name: string, other: string): CourseRule['measures'] {
  return (runs, all) => {
    const pairs = runs.flatMap((run) => {
      const rival = all.find(({ conditionId, seed }) => conditionId === other && seed === run.seed);
      return rival === undefined ? [] : [100 * Math.log(of(anyAverage)(run, 1) / of(raw)(rival, 1))];
    });
    if (pairs.length === 0) throw new MissingData(`condition ${other} has no seed in common`);
    return [measureOf(`${name} at 100 %`, 'ratio', pairs)];
  };
}

/** P1 to P6, X1, X2. */
export const courseRules: readonly CourseRule[] = [
  {
    id: 'P1',
    title: 'The average that is best on other points beats the raw weights',
    equal: { title: 'Where the rate falls to 0, the best average is as good as the raw weights', kind: 'no harm' },
    paper: 'PADAM: best or tied in nearly all of 13 problems (arXiv 2505.22085)',
    measures: (runs) => comparedErrors('gain', runs, [of(anyAverage), of(raw)]),
  },
  {
    id: 'P2',
    title: "The five windows of 'anytime' are within 3 % of the best average at any moment",
    kind: 'no harm',
    paper: 'a half-life that is a share of the steps so far needs no plan (arXiv 2602.03702)',
    measures: (runs) => comparedErrors('regret', runs, [of(anytimeWindows), lowestError]),
  },
  {
    id: 'P3',
    title: "The five windows of 'anytime' are at most 5 % behind 'auto', which knows the run's length",
    kind: 'no harm',
    paper: 'not compared',
    measures: (runs) => comparedErrors('anytime - auto', runs, [of(anytimeWindows), of(family('auto'))]),
  },
  {
    id: 'P4',
    title: "'auto' is never 3 % behind one decay of 0.999 with the paper's warm-up",
    kind: 'no harm',
    paper: 'decays are task dependent (section 3.4)',
    measures: (runs) => comparedErrors('auto - single', runs, [of(family('auto')), of(single)]),
  },
  {
    id: 'P5',
    title: 'One power average of relative width 0.1 is within 3 % of the best average at any moment',
    kind: 'no harm',
    paper: 'EDM2 tracks widths of 0.05 and 0.1 (arXiv 2312.02696)',
    measures: (runs) => comparedErrors('regret', runs, [of(widthTenth), lowestError]),
  },
  {
    id: 'P6',
    title: "'auto' is never 3 % behind the paper's five decays",
    kind: 'no harm',
    paper: 'five decays for 78,200 steps (section 3.1)',
    measures: (runs) => comparedErrors('auto - paper', runs, [of(family('auto')), of(family('paper'))]),
  },
  {
    id: 'X1',
    title: 'A constant rate with an average is as good as a cosine rate',
    kind: 'no harm',
    paper: 'constant rate and average match a tuned cosine (arXiv 2602.03702)',
    measures: againstSchedule('constant rate and average - cosine', 'text-cosine'),
  },
  {
    id: 'X2',
    title: 'A constant rate with an average is as good as a cooldown',
    kind: 'no harm',
    paper: 'averages do not reach the loss of a cooldown (arXiv 2405.18392)',
    measures: againstSchedule('constant rate and average - cooldown', 'text-cooldown'),
  },
];
