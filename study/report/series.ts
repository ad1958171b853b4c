// Curves of a condition as chart series: means over seeds, with the range of the seeds.
// Draws nothing.

import { mean } from 'simple-statistics';
import { orderedColours, PLAIN } from '../../src/report/theme.js';
import { curve, mainTrackIds } from '../findings/curves.js';
import type { StudyResults } from '../findings/index.js';
import type { RunResult } from '../runs/result.js';
import { RAW } from '../runs/tracks.js';
import type { ChartPoint, ChartSeries } from './line-chart.js';

/** Colours of the models that are compared everywhere. */
export const COLOURS = { sgdLast: PLAIN, sgdLoss: '#c58a1f', ema: '#2a788e', other: '#a23b72' } as const;

/** What the models are called in legends. */
export const LABELS = { sgdLast: 'SGD at the end', sgdLoss: 'SGD (loss)', emaLoss: 'EMA (loss)' } as const;

/** Which curve, and how much of it. */
export interface CurveChoice {
  readonly metric: 'accuracy' | 'loss';
  /** Last epoch drawn; all when absent. */
  readonly epochs?: number;
  /** With the range of the seeds. @defaultValue false */
  readonly band?: boolean;
}

/** The mean over seeds of a curve, epoch by epoch; accuracies in per cent. */
export function meanCurve(
  runs: readonly RunResult[],
  track: (run: RunResult) => string,
  { metric, epochs, band = false }: CurveChoice,
): ChartPoint[] {
  const scale = metric === 'accuracy' ? 100 : 1;
  const curves = runs.map((run) => curve(run, track(run))[metric].slice(0, epochs));
  return (curves[0] ?? []).map((_, epoch) => {
    const values = curves.map((values) => scale * (values[epoch] ?? Number.NaN));
    const point = { x: epoch + 1, y: mean(values) };
    return band ? { ...point, low: Math.min(...values), high: Math.max(...values) } : point;
  });
}

/** The raw weights and the main averages of a condition. */
export function mainSeries(results: StudyResults, condition: string, choice: CurveChoice): ChartSeries[] {
  const runs = results.of(condition);
  const [first] = runs;
  if (first === undefined) return [];
  const tracks = mainTrackIds(first);
  const colours = orderedColours(tracks.length);
  const raw = { label: 'raw weights', colour: PLAIN, points: meanCurve(runs, () => RAW, choice) };
  const averages = tracks.map((track, index) => {
    return {
      label: windowLabel(track),
      colour: colours[index] ?? PLAIN,
      points: meanCurve(runs, () => track, choice),
    };
  });
  return [raw, ...averages];
}

/** `window 2.56 %` for `main-2.56`. */
export function windowLabel(track: string): string {
  return `window ${track.split('-')[1]} %`;
}

/** `5 seeds`. */
export function seedCount(runs: readonly RunResult[]): string {
  return runs.length === 1 ? '1 seed' : `${runs.length} seeds`;
}
