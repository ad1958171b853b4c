// A run's results as a file and as text.
// Measures nothing; the chart is in chart.ts.

import { readFileSync, writeFileSync } from 'node:fs';
import { formatTable } from '../../tools/shared/terminal.js';
import { type Machine, machineLine } from '../shared/machine.js';
import { type ContenderName, leastBytes, type Result } from './trials.js';

/** What `--json` writes. */
export interface RunFile {
  readonly command: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly results: readonly Result[];
}

/** Writes a run as JSON. */
export function writeRun(file: string, run: RunFile): void {
  writeFileSync(file, `${JSON.stringify(run, null, 2)}\n`);
}

/**
 * Reads what {@link writeRun} wrote.
 * @throws Error when the file holds something else.
 */
export function readRun(file: string): RunFile {
  const run: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (
    typeof run !== 'object' ||
    run === null ||
    !('results' in run && Array.isArray(run.results) && 'machine' in run)
  ) {
    throw new Error(`${file}: expected a file written by 'npm run bench -- --json', with 'machine' and 'results'`);
  }
  // Its two lists are there; their fields are those of the version that wrote it.
  return run as RunFile;
}

/** The result of one contender. */
export function find(
  results: readonly Result[],
  wanted: { shape: string; k: number; threads: number; contender: ContenderName },
): Result | undefined {
  return results.find(
    (result) =>
      result.shape === wanted.shape &&
      result.k === wanted.k &&
      result.threads === wanted.threads &&
      result.contender === wanted.contender,
  );
}

/**
 * Bytes a second of a contender over those of the in-place scale loop, from the rounds' ratios; undefined where that loop did
 * not run.
 */
export function shareOfLimit(
  results: readonly Result[],
  { shape, k, threads, contender, ratio }: Result,
): number | undefined {
  const scale = find(results, { shape, k, threads, contender: 'scale' });
  return scale && (leastBytes(contender, k) / leastBytes('scale', k)) * (scale.ratio / ratio);
}

/** A time with three or four digits: `19.4 us`, `8.13 ms`, `1.25 s`. */
export function formatTime(us: number): string {
  if (us < 1000) return `${us < 100 ? us.toFixed(1) : us.toFixed(0)} us`;
  const ms = us / 1000;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
  return `${(ms / 1000).toFixed(2)} s`;
}

/** A ratio: two digits after the point below 10, one below 100, none above. */
export function formatRatio(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(2) : ratio < 100 ? ratio.toFixed(1) : ratio.toFixed(0);
}

const percent = (share: number | undefined): string => (share === undefined ? '' : `${Math.round(100 * share)} %`);

/** All results as a table for a terminal. */
export function formatResults(results: readonly Result[]): string {
  const columns = [
    { title: 'shape', align: 'left' as const },
    { title: 'K' },
    { title: 'threads' },
    { title: 'contender', align: 'left' as const },
    { title: 'median' },
    { title: 'minimum' },
    { title: 'time / native' },
    { title: 'GB/s' },
    { title: 'of scale loop' },
  ];
  const rows = results.map((result) => [
    result.shape,
    `${result.k}`,
    `${result.threads}`,
    result.contender,
    formatTime(result.medianUs),
    formatTime(result.minUs),
    formatRatio(result.ratio),
    result.gbPerS.toFixed(1),
    percent(shareOfLimit(results, result)),
  ]);
  return formatTable(columns, rows);
}

/** The results of one cell as one line: the time of native, and the others' over it. */
export function formatCell(results: readonly Result[]): string {
  return results
    .map(({ contender, medianUs, ratio }) =>
      contender === 'native' ? `native ${formatTime(medianUs)}` : `${contender} ${formatRatio(ratio)}x`,
    )
    .join(', ');
}

/** A whole run for a terminal. */
export function formatRun({ machine, results, rounds }: RunFile): string {
  const notes = [
    `median and minimum of ${rounds} interleaved rounds; 'time / native' is the median of the rounds' ratios;`,
    "GB/s counts the bytes that must move: (4 + 8K) per weight, compensated 4 + 16K, memcpy and scale 8; 'of scale loop' is",
    'that rate over the rate of an in-place scale loop in the same rounds.',
  ];
  return `${machineLine(machine)}\n\n${formatResults(results)}\n\n${notes.join('\n')}`;
}
