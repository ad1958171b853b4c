// A report as text for a terminal.
// Measures nothing and draws no charts.

import type { DiagnosisSummary } from '../diagnosis/figures.js';
import { shortLabels } from '../schedule/specs.js';
import type { EpochValidation } from '../validation/judging.js';
import { type Direction, directionOf, type Metrics } from '../validation/selection.js';
import type { ReportData, ReportedAverage } from './data.js';

/** Epochs in a table: of a longer run every n-th, and the last. */
const MOST_EPOCHS = 12;
/** Layers in a table: those with the most noise. */
const MOST_LAYERS = 12;

/** Sections with a heading each, those alone for which there is something to say. */
export function reportTable(report: ReportData): string {
  const sections = [
    factsOf(report),
    ...metricNamesOf(report.epochs).map((metric) => metricTable(report, metric)),
    bestsOf(report),
    ...diagnosisTables(report),
    report.warnings.length === 0 ? '' : ['Warnings', ...report.warnings.map((text) => `- ${text}`)].join('\n'),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

/** Metrics that some epoch measured, in the order in which they came. */
export function metricNamesOf(epochs: readonly EpochValidation[]): readonly string[] {
  return [
    ...new Set(epochs.flatMap(({ raw, averages }) => [raw, ...averages].flatMap((metrics) => Object.keys(metrics)))),
  ];
}

/** What averages are called where there is little room. */
export function labelsOf(averages: readonly ReportedAverage[]): readonly string[] {
  return shortLabels({ labels: averages.map(({ label }) => label), decays: averages.map(({ decay }) => decay) });
}

function factsOf({ facts, averages }: ReportData): string {
  const labels = labelsOf(averages);
  const { engine, engineReason, steps, updates, seconds, bytes } = facts;
  const each = updates === 0 ? '' : `, ${significant((1000 * seconds) / updates)} ms each`;
  const names = averages.map(({ halfLife }, index) =>
    Number.isFinite(halfLife) ? `${labels[index]} (half-life ${significant(halfLife)} steps)` : labels[index],
  );
  return [
    `${updates} updates in ${steps} steps took ${significant(seconds)} s${each}; the averages occupy ${significant(bytes / 2 ** 20)} MiB`,
    `engine ${engine ?? 'none'}: ${engineReason}`,
    `averages ${names.join(', ')}`,
  ].join('\n');
}

function metricTable({ epochs, averages, bests }: ReportData, metric: string): string {
  const direction = directionIn(bests, metric);
  const rows = thinned(epochs).map(({ epoch, raw, averages: measured }) => {
    const values = [raw, ...measured].map((metrics: Metrics) => metrics[metric]);
    const best = bestOf(values, direction);
    return [`${epoch + 1}`, ...values.map((value, index) => `${figure(value)}${index === best ? '*' : ' '}`)];
  });
  const header = ['epoch', 'raw ', ...labelsOf(averages).map((label) => `${label} `)];
  return [`val_${metric} (* ${direction === 'min' ? 'lowest' : 'highest'} of the epoch)`, grid([header, ...rows])].join(
    '\n',
  );
}

/** What the user said is better, or else the metric's name. */
export function directionIn(bests: ReportData['bests'], metric: string): Direction {
  return directionOf(metric, bests.find((best) => best.metric === metric)?.mode);
}

function bestsOf({ bests, averages }: ReportData): string {
  if (bests.length === 0) return '';
  const labels = labelsOf(averages);
  const lines = bests.map(({ metric, value, epoch, index, tied }) => {
    const others = (tied?.averages ?? []).filter((other) => other !== index).map((other) => labels[other]);
    const ties = others.length === 0 ? '' : `; the data cannot tell it from ${others.join(', ')}`;
    return `val_${metric} ${figure(value)}: average ${labels[index]}, epoch ${epoch + 1}${ties}`;
  });
  return ['Best of all epochs', ...lines].join('\n');
}

function diagnosisTables({ diagnoses, averages }: ReportData): string[] {
  const last = diagnoses.at(-1);
  if (last === undefined) return [];
  const { total } = last;
  const labels = labelsOf(averages);
  const header = ['average', '|ema|', '|w - ema|', 'relative', 'cosine', 'largest', 'dead', 'of the start'];
  const rows = labels.map((label, k) => {
    const of = total.averages[k];
    if (of === undefined) return [label];
    const figures = [of.norm, of.distance, of.distance / total.norm].map(significant);
    const shares = [of.deadZone / total.size, last.initialShares[k] ?? 0].map(
      (share) => `${significant(100 * share)} %`,
    );
    return [label, ...figures, of.cosine.toFixed(6), significant(of.maxDistance), ...shares];
  });
  const title = `At step ${last.steps}: |w| = ${significant(total.norm)} in ${total.size} weights`;
  return [[title, grid([header, ...rows])].join('\n'), signalTable(last)];
}

function signalTable({ signal, layers }: DiagnosisSummary): string {
  if (signal === undefined) return '';
  const shown = [...layers].sort((a, b) => b.noise - a.noise).slice(0, MOST_LAYERS);
  const more = layers.length > shown.length ? ` (the ${shown.length} of ${layers.length} layers with most noise)` : '';
  const rows = [{ layer: 'all', ...signal }, ...shown].map(({ layer, drift, noise, ratio, advice }) => [
    layer,
    ...[drift, noise, ratio].map(significant),
    advice === '' ? 'cannot tell yet' : advice,
  ]);
  return [`Drift against noise${more}`, grid([['layer', 'drift', 'noise', 'ratio', ''], ...rows], ['layer', ''])].join(
    '\n',
  );
}

/** Columns as wide as their widest cell, numbers to the right; those named in `words` to the left. */
function grid(rows: readonly (readonly string[])[], words: readonly string[] = ['average']): string {
  const header = rows[0] ?? [];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? '';
        return words.includes(header[column] ?? '') ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

function thinned(epochs: readonly EpochValidation[]): readonly EpochValidation[] {
  const step = Math.ceil(epochs.length / MOST_EPOCHS);
  return epochs.filter((_, index) => index % step === 0 || index === epochs.length - 1);
}

function bestOf(values: readonly (number | undefined)[], direction: Direction): number {
  const numbers = values.filter((value): value is number => value !== undefined && !Number.isNaN(value));
  return values.indexOf(direction === 'min' ? Math.min(...numbers) : Math.max(...numbers));
}

function figure(value: number | undefined): string {
  if (value === undefined) return '-';
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4 ? value.toFixed(4) : significant(value);
}

function significant(value: number): string {
  return Number.isFinite(value) ? `${Number(value.toPrecision(3))}` : `${value}`;
}
