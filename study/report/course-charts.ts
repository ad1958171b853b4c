// Charts of courses: errors over a run, of the raw weights and of what each choice of averages gives.
// Knows no verdict.

import { mean } from 'simple-statistics';
import { orderedColours, PLAIN } from '../../src/report/theme.js';
import { type Averages, anyAverage, chosenError, raw } from '../findings/course-results.js';
import { CHOICES } from '../findings/course-table.js';
import { PROBLEMS } from '../plan/catalog.js';
import type { CourseResult } from '../runs/course.js';
import type { StoredCourse } from '../runs/store.js';
import type { Chart } from './chart.js';
import { type ChartPoint, type ChartSeries, lineChart } from './line-chart.js';
import { COLOURS } from './series.js';

const SHOWN = ["'auto' (5)", "'anytime' (6)", 'power, width 0.1', 'power, width 0.2', 'uniform'] as const;

/** One chart a course, and one for each problem that several courses have, which differ in their learning rate. */
export function courseCharts(courses: readonly StoredCourse[]): Chart[] {
  const of = <K>(key: (course: StoredCourse) => K): Map<K, StoredCourse[]> => {
    const groups = new Map<K, StoredCourse[]>();
    for (const course of courses) groups.set(key(course), [...(groups.get(key(course)) ?? []), course]);
    return groups;
  };
  const byId = of(({ result }) => result.conditionId);
  const byProblem = of(({ spec }) => spec.condition.problem);
  return [
    ...[...byProblem].flatMap(([problem, own]) => scheduleChart(own, PROBLEMS[problem].value.measure)),
    ...[...byId].map(([id, own]) => {
      const measure = own[0] === undefined ? '' : PROBLEMS[own[0].spec.condition.problem].value.measure;
      return courseChart(
        id,
        own.map(({ result }) => result),
        measure,
      );
    }),
  ];
}

/** The error over the run of what a set of averages gives, mean over seeds. */
function errorPoints(runs: readonly CourseResult[], averages: Averages): ChartPoint[] {
  const checks = runs[0]?.checks ?? [];
  return checks.flatMap((step, index) => {
    // The first check points are far above the others, and would press them flat.
    if (index < 1) return [];
    return [{ x: step, y: mean(runs.map((run) => chosenError(run, averages, (index + 1) / checks.length))) }];
  });
}

/** A constant rate with its average beside rates that fall: over the seeds that all of these have. */
function scheduleChart(courses: readonly StoredCourse[], measure: string): Chart[] {
  const ids = [...new Set(courses.map(({ result }) => result.conditionId))];
  const constant = courses.find(({ spec }) => spec.condition.rate.decay === 'constant')?.result.conditionId;
  if (ids.length < 2 || constant === undefined) return [];
  const runsOf = (id: string) => courses.filter(({ result }) => result.conditionId === id).map(({ result }) => result);
  const isShared = ({ seed }: CourseResult): boolean => ids.every((id) => runsOf(id).some((run) => run.seed === seed));
  const shared = (id: string): CourseResult[] => runsOf(id).filter(isShared);
  const seeds = shared(constant).length;
  if (seeds === 0) return [];
  const colours = orderedColours(ids.length);
  const average = {
    label: `${constant}, best average`,
    colour: COLOURS.other,
    points: errorPoints(shared(constant), anyAverage),
  };
  const raws = ids.map((id, index) => {
    return { label: `${id}, raw weights`, colour: colours[index] ?? PLAIN, points: errorPoints(shared(id), raw) };
  });
  return [
    {
      name: 'schedules',
      caption: `A constant learning rate with an average beside rates that fall, mean of ${seeds === 1 ? 'one seed' : `${seeds} seeds`} (X1, X2). The average is the one that is best on other points.`,
      spec: lineChart({
        title: 'A constant rate and an average, or a rate that falls',
        subtitle: ['of the raw weights, and of the best average at the constant rate'],
        x: { title: 'Optimizer step' },
        y: { title: `Test error (${measure})` },
        series: [average, ...raws],
        points: true,
      }),
    },
  ];
}

function courseChart(id: string, runs: readonly CourseResult[], measure: string): Chart {
  const colours = orderedColours(SHOWN.length);
  const series = (label: string, averages: Averages, colour: string): ChartSeries => {
    return { label, colour, points: errorPoints(runs, averages) };
  };
  const choices = SHOWN.map((name, index) => series(name, CHOICES[name] ?? (() => false), colours[index] ?? PLAIN));
  const rawWeights = series('raw weights', CHOICES['raw weights'] ?? (() => false), PLAIN);
  return {
    name: `course-${id}`,
    caption: `${id}: test error over the run, mean of ${runs.length === 1 ? 'one seed' : `${runs.length} seeds`}. Of several averages the one that is best on other points is shown.`,
    spec: lineChart({
      title: `${id}: error over the run`,
      subtitle: ['of the raw weights, and of what each choice of averages gives at that moment'],
      x: { title: 'Optimizer step' },
      y: { title: `Test error (${measure})` },
      series: [rawWeights, ...choices],
      points: true,
    }),
  };
}
