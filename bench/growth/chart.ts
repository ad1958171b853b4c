// The cost of an update over the bytes it moves, as a chart.
// Draws nothing itself: tools/shared/charts renders.

import type { TopLevelSpec } from 'vega-lite';
import { orderedColours, THEME } from '../../src/report/theme.js';
import { type Machine, machineLine } from '../shared/machine.js';
import { describeGrowth, type Growth, type GrowthPoint, predictUs } from './fit.js';

/** Points of a line between the smallest and the largest size: it is curved on logarithmic axes. */
const LINE_POINTS = 60;
const LEAST_BYTES = 1e5;

function decades(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
}

function lines({ constantUs, memoryGbPerS, cachedGbPerS = memoryGbPerS }: Growth, most: number): object[] {
  const kinds = [
    { kind: 'memory', rate: memoryGbPerS },
    { kind: 'caches', rate: cachedGbPerS },
  ];
  const sizes = Array.from(
    { length: LINE_POINTS + 1 },
    (_, i) => LEAST_BYTES * (most / LEAST_BYTES) ** (i / LINE_POINTS),
  );
  return kinds.flatMap(({ kind, rate }) =>
    sizes.map((bytes) => ({ kind, bytes, us: predictUs(constantUs, rate, bytes) })),
  );
}

const SCALE = { type: 'log', nice: false } as const;

const X = {
  field: 'bytes',
  type: 'quantitative',
  scale: SCALE,
  axis: { format: '.0e', values: decades(5, 10) },
  title: 'bytes moved: parameters x (4 + 8K)',
} as const;

const Y = {
  field: 'us',
  type: 'quantitative',
  scale: SCALE,
  axis: { values: decades(0, 7) },
  title: 'time of one update, microseconds',
} as const;

/** Points as measured, the fitted lines behind them; both axes logarithmic. */
export function growthChart(points: readonly GrowthPoint[], growth: Growth, machine: Machine): TopLevelSpec {
  // Sizes were asked for as powers of ten, and rounded to whole weights.
  const worked = points.filter(({ bytes }) => bytes >= 0.9 * LEAST_BYTES);
  const averages = [...new Set(worked.map(({ k }) => k))].map((k) => `K = ${k}`);
  const measured = worked.map(({ k, bytes, medianUs }) => ({ averages: `K = ${k}`, bytes, us: medianUs }));
  const most = Math.max(...worked.map(({ bytes }) => bytes));
  const scale = { domain: averages, range: orderedColours(averages.length) };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    config: THEME,
    title: {
      text: 'An update costs what its bytes cost',
      subtitle: [describeGrowth(growth), ...machineLine(machine).split('; ')],
    },
    width: 520,
    height: 360,
    layer: [
      {
        data: { values: lines(growth, most) },
        mark: { type: 'line', color: '#999', strokeDash: [6, 4] },
        encoding: { x: X, y: Y, detail: { field: 'kind' } },
      },
      {
        data: { values: measured },
        mark: { type: 'point', filled: true, size: 70, opacity: 0.9 },
        encoding: { x: X, y: Y, color: { field: 'averages', type: 'nominal', title: null, scale } },
      },
    ],
  };
}
