// Charts of courses: errors over a run, of the raw weights and of what each choice of averages gives.
// Knows no verdict.

import { mean } from 'simple-statistics';
import { orderedColours, PLAIN } from '../../src/report/theme.js';
import { type Averages, chosenError } from '../findings/course-results.js';
import { CHOICES } from '../findings/course-table.js';
import { PROBLEMS } from '../plan/catalog.js';
import type { CourseResult } from '../runs/course.js';
import type { StoredCourse } from '../runs/store.js';
import type { Chart } from './chart.js';
import { type ChartSeries, lineChart } from './line-chart.js';

const SHOWN = ["'auto' (5)", "'anytime' (5)", 'power, width 0.1', 'power, width 0.2', 'uniform'] as const;

/** One chart a course. */
export function courseCharts(courses: readonly StoredCourse[]): Chart[] {
  const ids = [...new Set(courses.map(({ result }) => result.conditionId))];
  return ids.map((id) => {
    const own = courses.filter(({ result }) => result.conditionId === id);
    const [first] = own;
    const measure = first === undefined ? '' : PROBLEMS[first.spec.condition.problem].value.measure;
    return courseChart(
      id,
      own.map(({ result }) => result),
      measure,
    );
  });
}

function courseChart(id: string, runs: readonly CourseResult[], measure: string): Chart {
  const colours = orderedColours(SHOWN.length);
  const [first] = runs;
  const checks = first?.checks ?? [];
  const series = (label: string, averages: Averages, colour: string): ChartSeries => ({
    label,
    colour,
    // The first check points are far above the others, and would press them flat.
    points: checks.flatMap((step, index) => {
      if (index < 1) return [];
      return [{ x: step, y: mean(runs.map((run) => chosenError(run, averages, (index + 1) / checks.length))) }];
    }),
  });
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
