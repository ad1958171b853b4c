// A described study as the page docs/evidence.md: every finding with its figures, its criterion and its verdict.
// Judges nothing; test/project/documents.test.ts holds the page, and writes it anew.

import { formatDifference, formatLevel, formatMean } from '../findings/format.js';
import type { Finding, Verdict } from '../findings/index.js';
import type { StudyDescription } from './description.js';
import { ours } from './table.js';

/** What a verdict means to a reader. */
const VERDICTS: Readonly<Record<Verdict, string>> = {
  reproduced: 'Shown',
  'same direction': 'Not shown, though the direction is right',
  'not reproduced': 'Not shown',
  'expected null': 'Shown: no effect was expected, and none was found',
  'not measured': 'Not measured',
};

/** Why a finding came out as it did, where its figures alone mislead. */
const REMARKS: Readonly<Record<string, readonly string[]>> = {
  F8: [
    'The criterion came from a pilot, in which the average was the better calibrated one after temperature scaling too.',
    'The best temperature of the overfitted last weights is high; a search that ends below it makes them look worse than they are, which is probably what the pilot did.',
    "Scaled rightly, the last weights are as calibrated as the average; the average's likelihood and Brier score stay better.",
  ],
  F8n: [
    'This is without temperature scaling, where no difference was expected.',
    'The paper has both directions: on CIFAR-100N the error of the average is lower (table 18), on CIFAR-10N after temperature scaling it is higher (table 17).',
  ],
  F10: ['The interval of five seeds is wider than the half point that the criterion allows.'],
  F14: [
    'The interval of three seeds is wider than the half point that the criterion allows.',
    'Two BatchNorm layers in a short run leave little to recompute.',
  ],
  F15: ['No criterion was fixed: the finding is reported, not judged.'],
  F18: ['No criterion was fixed: the finding is reported, not judged.'],
};

/** The whole page. */
export function evidencePage(study: StudyDescription): string {
  const { findings, conditions } = study;
  const lines = [
    ...head(study),
    '## At a glance',
    '| finding | claim | here | verdict |',
    '|---|---|---|---|',
    ...findings.map(
      (one) => `| [${one.id}](#${anchorOf(one)}) | ${cell(one.title)} | ${ours(one)} | ${VERDICTS[one.verdict]} |`,
    ),
    '',
    '## Conditions',
    'What a run was like, by the letters used below.',
    '',
    '| | what | epochs | seeds |',
    '|---|---|---|---|',
    ...conditions.map(({ id, title, recipe, seeds }) => `| ${id} | ${title} | ${recipe.epochs} | ${seeds} |`),
    '',
    '## Findings',
    ...findings.flatMap(section),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** The headings by which other documents link to a finding: `f2`, `f2-prime`. */
function anchorOf({ id }: Finding): string {
  return headingOf(id).toLowerCase().replaceAll(' ', '-');
}

function headingOf(id: string): string {
  return id.replace("'", ' prime');
}

function head({ findings, conditions, about }: StudyDescription): string[] {
  const [main] = conditions;
  const judged = findings.filter(({ holds }) => holds !== null);
  const failed = judged.filter(({ holds }) => holds === false).map(({ id }) => id);
  const machines = about.environments.map(({ machine, node, tensorflow }) => `${machine}; Node ${node}; ${tensorflow}`);
  return [
    '# Evidence',
    'What our own study measured: it repeats claims of "Exponential Moving Average of Weights in Deep Learning: Dynamics and Benefits" (Morales-Brotons, Vogels, Hendrikx, TMLR 2024, [arXiv 2411.18704](https://arxiv.org/abs/2411.18704)) at a small scale.',
    'This page is generated from [bench/results/study.json](../bench/results/study.json), and a test holds it to that file.',
    '',
    '```sh',
    about.command,
    '```',
    `Made on ${about.date.slice(0, 10)} at commit ${about.commit ?? 'unknown'} in ${Math.round(about.seconds / 60)} minutes: ${machines.join('; ')}.`,
    'On another processor the same seeds take other paths, and give other figures.',
    '',
    ...(main === undefined
      ? []
      : [
          `A small convolutional network learns ${main.data.name} from ${main.data.train?.toLocaleString('en')} images; ${main.data.validation.toLocaleString('en')} more choose the epoch and the average, and the test images judge.`,
        ]),
    'The criteria were fixed before the runs.',
    `Of ${findings.length} findings ${judged.length} have a criterion; ${judged.length - failed.length} meet it, ${failed.join(', ')} do not.`,
    '',
    'How to read it:',
    '- Figures are means over seeds, with 95 % intervals behind ±; pp are percentage points.',
    '- **SGD** are the raw weights, **EMA** an average of them, **SWA** the plain mean of the last quarter.',
    '- **At the end** is after the last epoch; **(loss)** and **(acc)** are the epoch, and the average, with the lowest validation loss or the highest validation accuracy.',
    '- ECE is the expected calibration error, NLL the negative log-likelihood, JS the Jensen-Shannon divergence; churn is how often two seeds disagree.',
    '',
  ];
}

function section(finding: Finding): string[] {
  const { id, title, paper, criterion, holds, verdict, words, measures } = finding;
  const judged = holds === null ? '' : holds ? ' (the criterion is met)' : ' (the criterion is not met)';
  return [
    `### ${headingOf(id)}`,
    `**${title}.**`,
    '',
    `${VERDICTS[verdict]}${judged}.`,
    ...sentences(words),
    ...(REMARKS[id] ?? []),
    '',
    `- The paper: ${paper}.`,
    `- Criterion: ${criterion}.`,
    '',
    ...(measures.length === 0 ? [] : ['| measure | mean | runs |', '|---|---|---|', ...measures.map(measureRow), '']),
  ];
}

function measureRow({ name, unit, mean, interval, values }: Finding['measures'][number]): string {
  const estimate = { mean, interval: interval ?? undefined, seeds: values.length };
  const isDifference = unit === 'pp' || (unit === 'nats' && name.includes(' - '));
  const figure =
    interval === null
      ? formatLevel(mean, unit)
      : isDifference
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
