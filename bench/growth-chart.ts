// The cost of an update over the bytes it moves, as a chart.
// Draws nothing itself: study/charts renders.

import type { TopLevelSpec } from 'vega-lite';
import { orderedColours, theme } from '../study/charts/theme.js';
import { type Growth, type GrowthPoint, predictUs } from './growth-fit.js';

/** Points as measured, the fitted line behind them; both axes logarithmic. */
export function growthChart(points: readonly GrowthPoint[], growth: Growth, machine: string): TopLevelSpec {
  const worked = points.filter(({ bytes }) => bytes >= 1e5);
  const averages = [...new Set(worked.map(({ k }) => k))].map((k) => `K = ${k}`);
  const measured = worked.map(({ k, bytes, medianUs }) => ({ averages: `K = ${k}`, bytes, us: medianUs }));
  const line = worked.map(({ bytes }) => ({ bytes, us: predictUs(growth, { bytes }) }));
  const x = {
    field: 'bytes',
    type: 'quantitative',
    scale: { type: 'log' },
    axis: { format: '.0e' },
    title: 'bytes moved: parameters x (4 + 8K)',
  } as const;
  const y = {
    field: 'us',
    type: 'quantitative',
    scale: { type: 'log' },
    title: 'time of one update, microseconds',
  } as const;
  const rate = `${growth.constantUs.toFixed(1)} us per call + bytes / ${growth.gbPerS.toFixed(1)} GB/s`;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    config: theme,
    title: {
      text: 'One update costs what its bytes cost',
      subtitle: [`Line: ${rate}. Below it, caches help.`, machine],
    },
    width: 520,
    height: 360,
    layer: [
      { data: { values: line }, mark: { type: 'line', color: '#999', strokeDash: [6, 4] }, encoding: { x, y } },
      {
        data: { values: measured },
        mark: { type: 'point', filled: true, size: 70, opacity: 0.9 },
        encoding: {
          x,
          y,
          color: {
            field: 'averages',
            type: 'nominal',
            title: 'averages',
            scale: { domain: averages, range: orderedColours(averages.length) },
          },
        },
      },
    ],
  };
}
