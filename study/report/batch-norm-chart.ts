// The chart of long windows with BatchNorm: its statistics averaged, and recomputed each epoch.
// Judges nothing.

import { orderedColours, PLAIN } from '../../src/report/theme.js';
import { curve } from '../findings/curves.js';
import type { StudyResults } from '../findings/index.js';
import { PLAIN_WINDOWS, RAW, RECOMPUTED, trackId } from '../runs/tracks.js';
import type { Chart } from './chart.js';
import { type ChartSeries, lineChart } from './line-chart.js';
import { meanCurve, seedCount, windowLabel } from './series.js';

/** Where statistics were recomputed each epoch: validation accuracy of each window, both ways. */
export function batchNormCharts(results: StudyResults): Chart[] {
  const runs = results.of('BN');
  const [first] = runs;
  const tracks = PLAIN_WINDOWS.map((share) => trackId('plain', share));
  if (first === undefined || !tracks.every((track) => `${track}${RECOMPUTED}` in first.curves)) return [];
  const colours = orderedColours(tracks.length);
  const series = tracks.flatMap((track, index): ChartSeries[] => {
    const line = (id: string) => meanCurve(runs, () => id, { metric: 'accuracy' });
    const colour = colours[index] ?? PLAIN;
    return [
      { label: `${windowLabel(track)}, recomputed`, colour, points: line(`${track}${RECOMPUTED}`) },
      { label: `${windowLabel(track)}, averaged`, colour, dashed: true, points: line(track) },
    ];
  });
  const raw = { label: 'raw weights', colour: PLAIN, points: meanCurve(runs, () => RAW, { metric: 'accuracy' }) };
  const lowest = Math.min(...runs.map((run) => 100 * (curve(run, RAW).accuracy[0] ?? 0)));
  return [
    {
      name: 'batch-norm',
      caption:
        'Validation accuracy of averages without warm-up in a network with six BatchNorm layers. Dashed: the statistics are averaged like weights; full: recomputed on the training data each epoch (F21, F22).',
      spec: lineChart({
        title: 'Long windows with BatchNorm',
        subtitle: [`Condition BN; mean of ${seedCount(runs)}`],
        x: { title: 'Epoch' },
        y: { title: 'Validation accuracy (%)', domain: [Math.floor(lowest / 10) * 10, 100] },
        series: [raw, ...series],
      }),
    },
  ];
}
