// A described study as the page docs/evidence.md: what to do, every claim at a glance, and each finding with its figures and its criterion.
// Judges nothing; test/project/documents.test.ts holds the page, and writes it anew.

import { formatDuration } from '../../tools/shared/terminal.js';
import type { Verdict } from '../findings/criteria.js';
import { readable } from '../findings/format.js';
import type { Finding } from '../findings/index.js';
import { isCourse } from '../runs/condition.js';
import { advice } from './advice.js';
import { headingOf } from './anchors.js';
import { whichAverages } from './averages-table.js';
import type { Section, StudyDescription } from './description.js';
import { atAGlance, cell, notMet, overDomains } from './overview.js';
import { figureOf } from './table.js';

/** What a verdict means to a reader. */
const VERDICTS: Readonly<Record<Verdict, string>> = {
  met: 'The criterion is met',
  missed: 'The criterion is missed: figures lie surely elsewhere',
  open: 'The criterion is not met, and not surely missed: intervals are too wide to tell, or single seeds fail',
  reported: 'Reported, not judged: no criterion was fixed',
  'does not apply': 'Not judged: the claim is about nothing here',
  'not enough data': 'Not enough data for a verdict',
  'not measured': 'Not measured',
};

/** Why a finding came out as it did, where its figures alone mislead; by heading. */
const REMARKS: Readonly<Record<string, readonly string[]>> = {
  F2: ["Most of the gain in loss is early stopping's: see F2'."],
  F5: ['SGD at the end has learnt the wrong labels by heart.'],
  'F5 prime': ['Early stopping alone gives most of F5.'],
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
};

/** The whole page. */
export function evidencePage({ sections, pooled }: StudyDescription): string {
  const lines = [
    ...head(sections),
    ...advice(sections),
    ...atAGlance(sections),
    ...notMet(sections),
    ...overDomains(pooled),
    ...whichAverages(sections.flatMap(({ courses }) => courses)),
    ...sections.flatMap(domainSection),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function head(sections: readonly Section[]): string[] {
  const findings = sections.flatMap((section) => section.findings);
  const tally = (kind: Finding['kind']): string => {
    const judged = findings.filter((finding) => finding.kind === kind && finding.holds !== null);
    const count = (verdict: Verdict): number => judged.filter((finding) => finding.verdict === verdict).length;
    return `${judged.length} were judged: ${count('met')} met, ${count('missed')} missed, ${count('open')} open`;
  };
  return [
    '# Evidence',
    'What our own study measured: it repeats claims of "Exponential Moving Average of Weights in Deep Learning: Dynamics and Benefits" (Morales-Brotons, Vogels, Hendrikx, TMLR 2024, [arXiv 2411.18704](https://arxiv.org/abs/2411.18704)), and of its neighbours, at a small scale, on several kinds of data.',
    'This page is generated from [bench/results/study.json](../bench/results/study.json), which `npm run study -- --all` makes; a test holds it to that file.',
    '',
    `${findings.length} findings, each a claim in one place.`,
    `Of claims that averaging changes something, ${tally('effect')}.`,
    `Of claims that something changes nothing, or costs no more than so much, ${tally('no harm')}.`,
    'The second kind is easier to meet, and some of it holds by arithmetic: it is there to find faults.',
    '',
    'How to read it:',
    '- Each criterion was fixed before the runs that judge it, and names the commit that it came with and the seeds that were looked at before. Where a first look could not decide, seeds were added (equations from 5 to 12, A of signals and letters to 20): a second look makes a wrong verdict a little likelier. Nothing is corrected for how many claims there are.',
    '- Figures are means over seeds, with 95 % intervals over seeds: one split of the data, one draw of wrong labels and one test set stand behind all of them. pp are percentage points.',
    '- Errors of courses (P and X) are compared by their ratio: −20 % is an error a fifth lower. Bounds of their criteria are in 100 ln of the ratio, which up to 5 is about per cent.',
    '- **SGD** are the raw weights (those of Adam in text and equations), **EMA** an average of them, **SWA** the plain mean of the last quarter.',
    '- **At the end** is after the last epoch, where the EMA is that with a window of 10 % of the run; **(loss)** and **(acc)** are the epoch, and the average, with the lowest validation loss or the highest validation accuracy.',
    '- **A** is the condition with clean labels and a cosine rate, **K** has a constant one, **N40** has 40 % of the labels wrong, **NK** those and a constant rate, **BN** BatchNorm, **Cc** augmentation, **ST** a step rate; each domain has its list.',
    "- Averages of courses are named by family and parameter: `auto/0.987` is the one of `decays: 'auto'` with that decay, `anytime/window0.0128soFar` a window of 1.28 % of the steps so far, `power/width0.1` a power average, `padam/function1` the first of PADAM.",
    '- ECE is the expected calibration error, NLL the negative log-likelihood, JS the Jensen-Shannon divergence; churn is how often two seeds disagree.',
    '- On another processor the same seeds take other paths, and give other figures.',
    '',
  ];
}

function domainSection({ domain, findings, conditions, about, runs }: Section): string[] {
  const machines = about.environments.map(({ machine, node, tensorflow }) => `${machine}; Node ${node}; ${tensorflow}`);
  const seconds = Object.values(about.runSeconds).reduce((sum, value) => sum + value, 0);
  const seedsOf = (id: string): number => runs.filter(({ condition }) => condition === id).length;
  return [
    `## Domain: ${domain.id}`,
    `${domain.title[0]?.toUpperCase()}${domain.title.slice(1)}.`,
    `\`npm run study -- --all --domains ${domain.id}\` repeats it.`,
    `${runs.length} runs at commit ${about.runCommits.join(', ') || 'unknown'}, which took ${formatDuration(seconds)} in all; judged on ${about.date.slice(0, 10)} at ${about.commit ?? 'an unknown commit'}.`,
    `Made on: ${machines.join('; ')}.`,
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
  const { title, paper, criterion, verdict, words, measures, commit, pilots, failed } = finding;
  const heading = headingOf(domain, finding);
  const before = pilots === undefined ? '' : `; seeds looked at before: ${pilots.join(', ') || 'none'}`;
  return [
    `### ${heading}`,
    `**${title}.**`,
    '',
    `${VERDICTS[verdict]}${failed === undefined ? '' : ` (${failed.map(readable).join('; ')})`}.`,
    ...(isLower(finding) ? ['The first of the two has the lower error: it is better than was claimed.'] : []),
    ...sentences(words),
    ...(REMARKS[heading] ?? []),
    '',
    `- The paper: ${paper}.`,
    `- Criterion${commit === null ? '' : ` (commit ${commit}${before})`}: ${readable(criterion)}.`,
    '',
    ...(measures.length === 0 ? [] : ['| measure | mean | seeds |', '|---|---|---|', ...measures.map(measureRow), '']),
  ];
}

/** Whether a claim that two errors are equal is not met because one of them is lower. */
function isLower({ unit, kind, holds, interval, failed, measures }: Finding): boolean {
  const isFirst = failed?.length === 1 && failed[0] === measures[0]?.name;
  return unit === 'ratio' && kind === 'no harm' && holds === false && isFirst && interval !== null && interval[1] < 0;
}

function measureRow(measure: Finding['measures'][number]): string {
  return `| ${cell(readable(measure.name))} | ${figureOf(measure)} | ${measure.seeds} |`;
}

/** One sentence a line. */
function sentences(words: string): string[] {
  return words.split(/(?<=\.) (?=[A-Z−+])/);
}
