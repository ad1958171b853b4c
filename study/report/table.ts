// The findings as a table for a terminal.
// Judges nothing.

import { formatTable } from '../../tools/shared/terminal.js';
import { formatDifference, formatMean } from '../findings/format.js';
import type { Finding } from '../findings/index.js';
import type { Unit } from '../findings/measure.js';

/** Our figure with its margin and unit, as differences are written where it is one. */
export function ours({ ours, interval, unit, measures }: Finding): string {
  if (ours === null || Number.isNaN(ours)) return '';
  return figureOf({ name: measures[0]?.name ?? '', unit, mean: ours, interval });
}

/** A measure with its margin and unit, as differences are written where it is one. */
export function figureOf({
  name,
  unit,
  mean,
  interval,
}: Omit<Finding['measures'][number], 'seeds' | 'values'>): string {
  const estimate = { mean, interval: interval ?? undefined };
  return isDifference(unit, name) ? formatDifference(estimate, unit) : formatMean(estimate, unit);
}

/** Whether a measure is written with its sign. */
function isDifference(unit: Unit, name: string): boolean {
  if (unit === 'ratio') return true;
  return name.includes(' - ') && !name.startsWith('mean |') && unit !== '%' && unit !== 'share';
}

/** A row per finding. */
export function findingsTable(findings: readonly Finding[]): string {
  const columns = [
    { title: '', align: 'left' },
    { title: 'finding', align: 'left' },
    { title: 'ours' },
    { title: 'criterion', align: 'left' },
  ] as const;
  const rows = findings.map((finding) => {
    const id = [finding.id, finding.condition].filter(Boolean).join(' ');
    return [id, finding.title, ours(finding), finding.verdict];
  });
  return formatTable(columns, rows);
}
