// The report as one self-contained HTML page.
// Draws no chart and judges nothing: it is given both.

import { escapeHtml, htmlPage } from '../../src/report/html.js';
import { formatDuration } from '../../tools/shared/terminal.js';
import { readable } from '../findings/format.js';
import type { Finding, Verdict } from '../findings/index.js';
import { type Condition, type Course, isCourse } from '../runs/condition.js';
import type { Section, StudyDescription } from './description.js';
import { figureOf, ours } from './table.js';

/** A drawn chart. */
export interface Figure {
  readonly svg: string;
  readonly caption: string;
}

const CLASS: Readonly<Record<Verdict, string>> = {
  met: 'yes',
  missed: 'no',
  open: 'partly',
  reported: 'null',
  'does not apply': 'none',
  'not enough data': 'none',
  'not measured': 'none',
};

const STYLE = `
h1 { font-size: 1.7rem; margin-bottom: .3rem; } h2 { font-size: 1.25rem; margin-top: 2.6rem; }
p.lead { color: #444; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .6rem; border-bottom: 1px solid #e3e3e3; }
th { border-bottom: 2px solid #999; font-weight: 600; } th.wide { width: 46%; } td.number { white-space: nowrap; }
.verdict { display: inline-block; padding: .05rem .5rem; border-radius: .6rem; white-space: nowrap; font-size: .82rem; }
.yes { background: #d6efdc; } .partly { background: #fdeecb; } .no { background: #f8d7d5; } .null { background: #dde7f3; } .none { background: #eee; }
.words { color: #555; font-size: .86rem; }
figcaption { color: #444; font-size: .92rem; max-width: 46rem; } details { margin: .4rem 0; } code { font-size: .88em; }
`;

/** Figures by domain; those over domains under `''`. */
export type Figures = Readonly<Record<string, readonly Figure[]>>;

/** The page. */
export function reportPage(description: StudyDescription, figures: Figures): string {
  return htmlPage({ title: 'tfjs-ema: the study', style: STYLE, body: reportParts(description, figures) });
}

/** The parts of the page, as HTML. */
export function reportParts({ sections }: StudyDescription, figures: Figures): string[] {
  const measured = sections.flatMap(({ findings }) => findings).filter(({ verdict }) => verdict !== 'not measured');
  return [
    '<h1>Averaging weights: what of the papers shows on this machine</h1>',
    `<p class="lead">${summary(measured)} Claims are those of <a href="https://arxiv.org/abs/2411.18704">Exponential Moving Average of Weights in Deep Learning</a> (2024) and of its neighbours; criteria were fixed before these seeds were run: met; missed, where figures lie surely elsewhere; open, where intervals are too wide to tell or single seeds fail. Small networks for minutes are not the papers': where a claim does not show here, that is said.</p>`,
    ...(figures[''] ?? []).map(figure),
    ...sections.flatMap((section) => sectionParts(section, figures[section.domain.id] ?? [], sections.length)),
  ];
}

function sectionParts(section: Section, figures: readonly Figure[], count: number): string[] {
  const { domain, findings } = section;
  const measured = findings.filter(({ verdict }) => verdict !== 'not measured');
  const place = count === 1 ? '' : `: ${escapeHtml(domain.id)}`;
  return [
    `<h2>Findings${place}</h2>`,
    `<p class="lead">${escapeHtml(domain.title)}</p>`,
    ...figures.map(figure),
    findingsTable(findings),
    `<h2>All measures${place}</h2>`,
    ...measured.map(measuresOf),
    `<h2>What was run${place}</h2>`,
    provenance(section),
  ];
}

function figure({ svg, caption }: Figure): string {
  return `<figure>${svg}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

function summary(findings: readonly Finding[]): string {
  const count = (verdict: Verdict): number => findings.filter((finding) => finding.verdict === verdict).length;
  const parts = (Object.keys(CLASS) as Verdict[]).flatMap((verdict) => {
    const number = count(verdict);
    return number === 0 ? [] : [`${number} ${verdict}`];
  });
  const few = count('not enough data') === 0 ? '' : ' One seed gives figures and pictures, and no verdict.';
  return `Of ${findings.length} claims that were measured: ${parts.join(', ')}.${few}`;
}

function findingsTable(findings: readonly Finding[]): string {
  const rows = findings.map((finding) => {
    const { id, condition = '', title, words, paper, criterion, verdict, failed } = finding;
    const by = failed === undefined ? '' : `<div class="words">${escapeHtml(failed.map(readable).join('; '))}</div>`;
    return `<tr><td>${escapeHtml(id)} ${escapeHtml(condition)}</td><td>${escapeHtml(title)}<div class="words">${escapeHtml(words)}</div><details class="words"><summary>criterion</summary>${escapeHtml(readable(criterion))}</details></td><td>${escapeHtml(paper)}</td><td class="number">${escapeHtml(ours(finding))}</td><td><span class="verdict ${CLASS[verdict]}">${verdict}</span>${by}</td></tr>`;
  });
  return `<table><thead><tr><th></th><th class="wide">Claim, and what was seen</th><th>Paper</th><th>Ours (95 %)</th><th>Criterion</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`;
}

function measuresOf({ id, condition = '', title, measures }: Finding): string {
  const rows = measures.map((measure) => {
    const { name, values } = measure;
    const each = values.map((value) => Number(value.toFixed(4))).join(', ');
    return `<tr><td>${escapeHtml(readable(name))}</td><td class="number">${escapeHtml(figureOf(measure))}</td><td class="words">${escapeHtml(each)}</td></tr>`;
  });
  return `<details><summary>${escapeHtml(id)} ${escapeHtml(condition)}: ${escapeHtml(title)}</summary><table><thead><tr><th>Measure</th><th>Mean ± margin</th><th>Each seed, or pair of seeds</th></tr></thead><tbody>${rows.join('\n')}</tbody></table></details>`;
}

function provenance({ about, conditions, runs }: Section): string {
  const rows = conditions.map((one) => {
    const seeds = runs.filter(({ condition }) => condition === one.id).map(({ seed }) => seed);
    const cells = [one.id, one.title, ...madeOf(one), seeds.join(', ')];
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`;
  });
  const places = about.environments.map(({ machine, tensorflow, node }) => `${machine}; ${tensorflow}; Node ${node}`);
  const kept = about.runsKept === 0 ? '' : ` (${about.runsKept} runs were finished before)`;
  return `<table><thead><tr><th></th><th>Condition</th><th>Network</th><th>Data</th><th>Length</th><th>Seeds</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>
<p class="words"><code>${escapeHtml(about.command)}</code>, ${escapeHtml(about.date.slice(0, 10))}${about.commit === null ? '' : `, commit ${escapeHtml(about.commit)}`}; ${formatDuration(about.seconds)}${kept}; ${escapeHtml(places.join(' | '))}.</p>`;
}

/** Network, data and length of a condition. */
function madeOf(condition: Condition | Course): [network: string, data: string, length: string] {
  if (isCourse(condition)) return [condition.optimizer, condition.problem, `${condition.steps} steps`];
  const { network, data, recipe } = condition;
  const images = data.train === undefined ? data.name : `${data.name}, ${data.train} + ${data.validation}`;
  return [network, images, `${recipe.epochs} epochs`];
}
