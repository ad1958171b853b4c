// What each choice of averages comes to, over all courses and in each; for the page docs/evidence.md.
// Computes nothing but means.

import { mean } from 'simple-statistics';
import { SHARES } from '../findings/course-results.js';
import type { CourseTable } from '../findings/course-table.js';
import { formatLevel, formatList } from '../findings/format.js';
import type { Estimate } from '../metrics/intervals.js';

/** Choices in words, and the figures that they share: rows that are the same in every course are one. */
type Rows = readonly { readonly name: string; readonly values: readonly (readonly number[])[] }[];

/** The chapter. */
export function whichAverages(courses: readonly CourseTable[]): string[] {
  if (courses.length === 0) return [];
  const rows = rowsOf(courses);
  return [
    '## Which averages to keep',
    'At a moment of the run, each choice gives the average of its own that is best on validation points; how far its test error is above the lowest of all averages, as a geometric mean over seeds.',
    'The lowest was found on the points that judge, so that nobody reaches it quite.',
    'Decays are warmed up as in the paper, `min(decay, (t + 1) / (t + 10))`: long ones never reach their value in these runs, and are the same average.',
    "Five windows were `'anytime'` when the criteria were fixed; a power average of relative width 0.2 was added since, by what [seeds 101 to 105 show](../bench/results/anytime.md).",
    '',
    'At the end, mean test errors; the best single average is that with the lowest one, which nobody knows beforehand:',
    '',
    "| | seeds | raw weights | best single average | 'anytime' (6) |",
    '|---|---:|---:|---|---:|',
    ...courses.map(endRow),
    '',
    `Over ${formatList(courses.map(({ condition }) => condition))}, after 25, 50, 75 and 100 % of the run:`,
    '',
    '| | mean | worst | mean at the end | worst at the end |',
    '|---|---:|---:|---:|---:|',
    ...rows.map(({ name, values }) => {
      const [all, ends] = [values.flat(), values.map((own) => own.at(-1) ?? Number.NaN)];
      return `| ${name} | ${[mean(all), Math.max(...all), mean(ends), Math.max(...ends)].map(above).join(' | ')} |`;
    }),
    '',
    ...courses.flatMap((course, index) => courseTable(course, rows, index)),
  ];
}

function rowsOf(courses: readonly CourseTable[]): Rows {
  const rows = new Map<string, { readonly names: string[]; readonly values: readonly (readonly number[])[] }>();
  for (const choice of Object.keys(courses[0]?.behind ?? {})) {
    const values = courses.map(({ behind }) => behind[choice] ?? []);
    const key = JSON.stringify(values);
    const same = rows.get(key);
    if (same === undefined) rows.set(key, { names: [choice], values });
    else same.names.push(choice);
  }
  return [...rows.values()].map(({ names, values }) => ({ name: formatList(names), values }));
}

function above(value: number): string {
  return formatLevel(value, 'ratio');
}

function endRow({ condition, seeds, end: { raw, single, anytime } }: CourseTable): string {
  const level = ({ mean, interval }: Pick<Estimate, 'mean' | 'interval'>): string =>
    `${mean.toPrecision(3)}${interval ? ` ± ${((interval[1] - interval[0]) / 2).toPrecision(2)}` : ''}`;
  return `| ${condition} | ${seeds.length} | ${level(raw)} | ${level(single)} (${single.name}) | ${level(anytime)} |`;
}

function courseTable({ condition, seeds, lowest }: CourseTable, rows: Rows, index: number): string[] {
  const lines = rows.map(({ name, values }) => `| ${name} | ${(values[index] ?? []).map(above).join(' | ')} |`);
  return [
    `**${condition}** (${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}; lowest error ${lowest.map((value) => value.toPrecision(3)).join(', ')})`,
    '',
    `| after | ${SHARES.map((share) => `${100 * share} %`).join(' | ')} |`,
    `|---|${SHARES.map(() => '---:|').join('')}`,
    ...lines,
    '',
  ];
}
