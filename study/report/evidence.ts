// A described study as the page docs/evidence.md: every finding with its figures, its criterion and its verdict.
// Judges nothing; test/project/documents.test.ts holds the page, and writes it anew.

import { mean } from 'simple-statistics';
import { formatDuration } from '../../tools/shared/terminal.js';
import { SHARES } from '../findings/course-results.js';
import type { CourseTable } from '../findings/course-table.js';
import type { Missed } from '../findings/finding.js';
import { formatDifference, formatLevel, formatList, formatMean } from '../findings/format.js';
import { type Finding, ORDER, type Verdict } from '../findings/index.js';
import type { Estimate } from '../metrics/intervals.js';
import { isCourse } from '../runs/condition.js';
import type { Section, StudyDescription } from './description.js';
import { isDifference, ours } from './table.js';

/** What a verdict means to a reader. */
const VERDICTS: Readonly<Record<Verdict, string>> = {
  reproduced: 'Shown',
  'same direction': 'Not shown, though the direction is right',
  'not reproduced': 'Not shown',
  'expected null': 'Shown: no effect was expected, and none was found',
  'not enough data': 'Not enough data for a verdict',
  'not measured': 'Not measured',
};

/** Why a finding came out as it did, where its figures alone mislead. */
const REMARKS: Readonly<Record<string, readonly string[]>> = {
  F2: ["Most of the gain in loss is early stopping's: see F2'."],
  F5: ['SGD at the end has learnt the wrong labels by heart.'],
  "F5'": ['Early stopping alone gives most of F5.'],
  F8: [
    'The criterion came from a pilot, in which the average was the better calibrated one after temperature scaling too.',
    'The best temperature of the overfitted last weights is high; a search that ends below it makes them look worse than they are, which is probably what the pilot did.',
    "Scaled rightly, the last weights are as calibrated as the average; the average's likelihood and Brier score stay better.",
  ],
  F8n: [
    'This is without temperature scaling, where no difference was expected.',
    'The paper has both directions: on CIFAR-100N the error of the average is lower (table 18), on CIFAR-10N after temperature scaling it is higher (table 17).',
  ],
  F14: ['Two BatchNorm layers in a short run leave little to recompute.'],
  F15: ['No criterion was fixed: the finding is reported, not judged.'],
  F18: ['No criterion was fixed: the finding is reported, not judged.'],
};

/** The whole page. */
export function evidencePage({ sections, pooled }: StudyDescription): string {
  const lines = [
    ...head(sections),
    ...glance(sections),
    ...notShown(sections),
    ...overDomains(pooled),
    ...whichAverages(sections.flatMap(({ courses }) => courses)),
    ...sections.flatMap(domainSection),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** The headings by which other documents link to a finding: `f2`, `f2-prime`, `f2-letters`, `p1-heat`. */
function anchorOf(domain: string, finding: Finding): string {
  return headingOf(domain, finding).toLowerCase().replaceAll(' ', '-');
}

function headingOf(domain: string, { id, condition }: Finding): string {
  const place = condition ?? (domain === 'images' ? '' : domain);
  return `${id.replace("'", ' prime')} ${place}`.trim();
}

function head(sections: readonly Section[]): string[] {
  const findings = sections.flatMap((section) => section.findings);
  const judged = findings.filter(({ holds }) => holds !== null);
  const met = judged.filter(({ holds }) => holds === true);
  return [
    '# Evidence',
    'What our own study measured: it repeats claims of "Exponential Moving Average of Weights in Deep Learning: Dynamics and Benefits" (Morales-Brotons, Vogels, Hendrikx, TMLR 2024, [arXiv 2411.18704](https://arxiv.org/abs/2411.18704)), and of its neighbours, at a small scale, on several kinds of data.',
    'This page is generated from [bench/results/study.json](../bench/results/study.json), and a test holds it to that file.',
    '',
    `Of ${findings.length} findings, each in one domain, ${judged.length} were judged by a criterion; ${met.length} meet it.`,
    'Criteria were fixed before the runs that judge them: each names the commit that it came with, and the seeds that were looked at before.',
    'On another processor the same seeds take other paths, and give other figures.',
    '',
    'How to read it:',
    '- Figures are means over seeds, with 95 % intervals behind ±; pp are percentage points.',
    '- **SGD** are the raw weights, **EMA** an average of them, **SWA** the plain mean of the last quarter.',
    '- **At the end** is after the last epoch; **(loss)** and **(acc)** are the epoch, and the average, with the lowest validation loss or the highest validation accuracy.',
    '- ECE is the expected calibration error, NLL the negative log-likelihood, JS the Jensen-Shannon divergence; churn is how often two seeds disagree.',
    '- Errors of courses (P and X) are compared by `100 ln(one / other)`, which is about per cent.',
    '',
  ];
}

/** Verdicts of each claim by domain. */
function glance(sections: readonly Section[]): string[] {
  const ids = ORDER.filter((id) => sections.some(({ findings }) => findings.some((finding) => finding.id === id)));
  const rows = ids.map((id) => {
    const places = sections.flatMap(({ domain, findings }) => {
      const here = findings.filter((finding) => finding.id === id && finding.ours !== null);
      return here.map((one) => {
        return `[${ours(one)}](#${anchorOf(domain.id, one)}) ${SHORT[one.verdict]} ${one.condition ?? domain.id}`;
      });
    });
    const title = sections.flatMap(({ findings }) => findings).find((finding) => finding.id === id)?.title ?? '';
    return `| ${id} | ${cell(title)} | ${places.join('<br>')} |`;
  });
  return [
    '## At a glance',
    'The first figure of each finding, and whether its criterion is met: ● yes, ○ not, though the direction is right, ✕ no, – not judged.',
    '',
    '| | claim | here |',
    '|---|---|---|',
    ...rows,
    '',
  ];
}

const SHORT: Readonly<Record<Verdict, string>> = {
  reproduced: '●',
  'same direction': '○',
  'not reproduced': '✕',
  'expected null': '●',
  'not enough data': '–',
  'not measured': '–',
};

/** What the criteria asked for and the runs do not show, claim by claim: a reader must not have to search for it. */
function notShown(sections: readonly Section[]): string[] {
  const all = sections.flatMap(({ domain, findings }) => findings.map((finding) => ({ domain: domain.id, finding })));
  const missing = all.filter(({ finding }) => finding.holds === false);
  const ids = ORDER.filter((id) => missing.some(({ finding }) => finding.id === id));
  const lines = ids.map((id) => {
    const here = missing.filter(({ finding }) => finding.id === id);
    const shown = all.filter(({ finding }) => finding.id === id && finding.holds === true).length;
    const places = here.map(({ domain, finding }) => {
      const wide = finding.missed?.surely === false ? ', too wide to tell' : '';
      return `[${finding.condition ?? domain}](#${anchorOf(domain, finding)}) (${ours(finding)}${wide})`;
    });
    return `- **${id}** ${here[0]?.finding.title}: not in ${formatList(places)}; shown in ${shown} other ${shown === 1 ? 'place' : 'places'}.`;
  });
  return lines.length === 0 ? [] : ['## What does not show here', ...lines, ''];
}

function overDomains(pooled: StudyDescription['pooled']): string[] {
  if (pooled.length === 0) return [];
  const rows = pooled.map(({ id, title, mean, interval, unit, between, heterogeneity, places }) => {
    const figure = formatDifference({ mean, interval, seeds: places.length }, unit);
    const spread = `${formatLevel(between, unit)}, ${Math.round(100 * heterogeneity)} %`;
    return `| ${id} | ${cell(title)} | ${figure} | ${spread} | ${places.map(({ place }) => place).join(', ')} |`;
  });
  return [
    '## Over domains',
    "The first measure of each finding as one effect: a random-effects meta-analysis (DerSimonian and Laird, Hartung and Knapp's interval).",
    'Beside it how much the true effects differ between places: their standard deviation, and the share of what differs that is more than chance.',
    '',
    '| | claim | effect | differs | places |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ];
}

/** What each choice comes to over all courses and moments, and then course by course. */
function whichAverages(courses: readonly CourseTable[]): string[] {
  if (courses.length === 0) return [];
  const choices = Object.keys(courses[0]?.behind ?? {});
  const rows = choices.map((choice) => {
    const values = courses.map(({ behind }) => behind[choice] ?? []);
    const all = values.flat();
    const ends = values.map((value) => value.at(-1) ?? Number.NaN);
    return `| ${choice} | ${[mean(all), Math.max(...all), mean(ends), Math.max(...ends)].map((value) => value.toFixed(1)).join(' | ')} |`;
  });
  return [
    '## Which averages to keep',
    'At a moment of the run, each choice gives the average of its own that is best on validation points; how far its test error is above the lowest of all averages, in %, as a mean over seeds.',
    'The lowest was found on the points that judge, so that nobody reaches it quite.',
    '',
    'At the end, mean test errors; the best single average is that with the lowest one, which nobody knows beforehand:',
    '',
    "| | seeds | raw weights | best single average | 'anytime' |",
    '|---|---:|---:|---|---:|',
    ...courses.map(endRow),
    '',
    `Over ${formatList(courses.map(({ condition }) => condition))}, after 25, 50, 75 and 100 % of the run:`,
    '',
    '| | mean | worst | mean at the end | worst at the end |',
    '|---|---:|---:|---:|---:|',
    ...rows,
    '',
    ...courses.flatMap(courseTable),
  ];
}

function endRow({ condition, seeds, end: { raw, single, anytime } }: CourseTable): string {
  const level = ({ mean, interval }: Pick<Estimate, 'mean' | 'interval'>): string =>
    `${mean.toPrecision(3)}${interval ? ` ± ${((interval[1] - interval[0]) / 2).toPrecision(2)}` : ''}`;
  return `| ${condition} | ${seeds.length} | ${level(raw)} | ${level(single)} (${single.name}) | ${level(anytime)} |`;
}

function courseTable({ condition, seeds, lowest, behind }: CourseTable): string[] {
  const shares = SHARES.map((share) => `${100 * share} %`);
  const rows = Object.entries(behind).map(([name, values]) => {
    return `| ${name} | ${values.map((value) => value.toFixed(1)).join(' | ')} |`;
  });
  return [
    `**${condition}** (${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}; lowest error ${lowest.map((value) => value.toPrecision(3)).join(', ')})`,
    '',
    `| after | ${shares.join(' | ')} |`,
    `|---|${shares.map(() => '---:|').join('')}`,
    ...rows,
    '',
  ];
}

function domainSection({ domain, findings, conditions, about, runs }: Section): string[] {
  const machines = about.environments.map(({ machine, node, tensorflow }) => `${machine}; Node ${node}; ${tensorflow}`);
  const seconds = Object.values(about.runSeconds).reduce((sum, value) => sum + value, 0);
  const seedsOf = (id: string): number => runs.filter(({ condition }) => condition === id).length;
  const failed = findings
    .filter(({ holds }) => holds === false)
    .map(({ id, condition }) => [id, condition].filter(Boolean).join(' '));
  return [
    `## Domain: ${domain.id}`,
    `${domain.title[0]?.toUpperCase()}${domain.title.slice(1)}.`,
    `Criteria that are not met: ${failed.length === 0 ? 'none' : failed.join(', ')}.`,
    '',
    '```sh',
    about.command,
    '```',
    `Made on ${about.date.slice(0, 10)} at commit ${about.commit ?? 'unknown'}: ${machines.join('; ')}.`,
    `${runs.length} runs, which took ${formatDuration(seconds)} in all.`,
    '',
    '| | what | length | seeds |',
    '|---|---|---|---|',
    ...conditions.map((one) => {
      const length = isCourse(one) ? `${one.steps.toLocaleString('en')} steps` : `${one.recipe.epochs} epochs`;
      return `| ${one.id} | ${one.title} | ${length} | ${seedsOf(one.id)} |`;
    }),
    '',
    ...findings.flatMap((finding) => section(domain.id, finding)),
  ];
}

function section(domain: string, finding: Finding): string[] {
  const { id, title, paper, criterion, holds, verdict, words, measures, commit, pilots, missed } = finding;
  const judged = holds === null ? '' : holds ? ' (the criterion is met)' : ' (the criterion is not met)';
  const before = pilots === undefined ? '' : `; seeds looked at before: ${pilots.join(', ') || 'none'}`;
  return [
    `### ${headingOf(domain, finding)}`,
    `**${title}.**`,
    '',
    `${VERDICTS[verdict]}${judged}.`,
    ...(missed === undefined ? [] : [missedBy(missed)]),
    ...sentences(words),
    ...(domain === 'images' && finding.condition === undefined ? (REMARKS[id] ?? []) : []),
    '',
    `- The paper: ${paper}.`,
    `- Criterion${commit === null ? '' : ` (commit ${commit}${before})`}: ${criterion}.`,
    '',
    ...(measures.length === 0 ? [] : ['| measure | mean | runs |', '|---|---|---|', ...measures.map(measureRow), '']),
  ];
}

function missedBy({ surely, by }: Missed): string {
  return `${surely ? 'It is surely missed by' : 'Too wide to tell is the interval of'} ${formatList(by)}.`;
}

function measureRow({ name, unit, mean, interval, values }: Finding['measures'][number]): string {
  const estimate = { mean, interval: interval ?? undefined, seeds: values.length };
  const figure =
    interval === null
      ? formatLevel(mean, unit)
      : isDifference(unit, name)
        ? formatDifference(estimate, unit)
        : formatMean(estimate, unit);
  return `| ${cell(name)} | ${figure} | ${values.length} |`;
}

/** One sentence a line. */
function sentences(words: string): string[] {
  return words.split(/(?<=\.) (?=[A-Z−+])/);
}

/** Text that is safe in a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
