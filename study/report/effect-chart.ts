// The effects of findings by domain, with their intervals: what holds everywhere, and what only somewhere.
// Pools nothing: it is given effects.

import type { TopLevelSpec } from 'vega-lite';
import { THEME } from '../../src/report/theme.js';
import type { Unit } from '../findings/measure.js';
import type { PooledFinding } from '../findings/pooled.js';
import type { Chart } from './chart.js';

const TITLES: Readonly<Partial<Record<Unit, string>>> = {
  pp: 'Difference (percentage points)',
  nats: 'Difference (nats)',
  '%': 'Error against the other (%)',
};

/** A chart for each unit of difference; its rows are findings in one place each, and below them all places together. */
export function effectCharts(pooled: readonly PooledFinding[]): Chart[] {
  const units = [...new Set(pooled.map(({ unit }) => unit))];
  return units.map((unit) => ({
    name: `effects-${unit === '%' ? 'courses' : unit}`,
    caption:
      'Each finding where it was measured, with 95 % intervals, and over all of these places (diamonds). Grey: the interval holds 0.',
    spec: effects(
      unit,
      pooled.filter((finding) => finding.unit === unit),
    ),
  }));
}

function effects(unit: Unit, pooled: readonly PooledFinding[]): TopLevelSpec {
  const rows = pooled.flatMap(({ id, places, mean, interval }) => [
    ...places.map((one) => ({
      finding: id,
      place: one.place,
      mean: one.mean,
      low: one.interval[0],
      high: one.interval[1],
      kind: 'place',
    })),
    { finding: id, place: 'all', mean, low: interval[0], high: interval[1], kind: 'all' },
  ]);
  const values = rows.map((row) => ({ ...row, side: row.low > 0 || row.high < 0 ? 'differs' : 'holds 0' }));
  const y = { field: 'place', type: 'nominal' as const, sort: null, axis: { title: null } };
  const x = { type: 'quantitative' as const, axis: { title: TITLES[unit] ?? '' } };
  const color = {
    field: 'side',
    type: 'nominal' as const,
    scale: { domain: ['differs', 'holds 0'], range: ['#31688e', '#999'] },
    legend: null,
  };
  return {
    config: THEME,
    title: { text: 'Findings by domain', subtitle: [TITLES[unit] ?? ''] },
    data: { values },
    facet: {
      row: {
        field: 'finding',
        type: 'nominal',
        sort: null,
        header: { title: null, labelAngle: 0, labelAlign: 'left' },
      },
    },
    spec: {
      width: 460,
      height: { step: 15 },
      layer: [
        { mark: { type: 'rule', color: '#bbb', strokeDash: [3, 3] }, encoding: { x: { datum: 0, ...x } } },
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: { y, x: { field: 'low', ...x }, x2: { field: 'high' }, color },
        },
        {
          mark: { type: 'point', filled: true, size: 55, opacity: 1 },
          encoding: {
            y,
            x: { field: 'mean', ...x },
            color,
            shape: {
              field: 'kind',
              type: 'nominal',
              scale: { domain: ['place', 'all'], range: ['circle', 'diamond'] },
              legend: null,
            },
          },
        },
      ],
    },
    resolve: { scale: { x: 'independent', y: 'independent' } },
  };
}
