// The effects of findings by domain, with their intervals: what holds everywhere, and what only somewhere.
// Pools nothing: it is given effects.

import type { TopLevelSpec } from 'vega-lite';
import { THEME } from '../../src/report/theme.js';
import type { Unit } from '../findings/measure.js';
import type { PooledFinding } from '../findings/pooled.js';
import type { Chart } from './chart.js';

const TITLES: Readonly<Partial<Record<Unit, string>>> = {
  pp: 'In percentage points: the first of the two that are compared minus the other',
  nats: 'In nats: the first of the two that are compared minus the other',
  ratio:
    'At the end of the run, test error of the first of the two that are compared against the other, in %; left of 0 it is lower',
};

/** A chart for each unit of difference; its rows are findings in one place each, and below them all places together. */
export function effectCharts(pooled: readonly PooledFinding[]): Chart[] {
  const units = [...new Set(pooled.map(({ unit }) => unit))];
  return units.map((unit) => ({
    name: `effects-${unit === 'ratio' ? 'courses' : unit}`,
    caption:
      'Each finding where it was measured, with 95 % intervals, and over all of these places (diamonds). Grey: the interval holds 0.',
    spec: effects(
      unit,
      pooled.filter((finding) => finding.unit === unit),
    ),
  }));
}

function effects(unit: Unit, pooled: readonly PooledFinding[]): TopLevelSpec {
  return {
    config: THEME,
    title: { text: 'Findings by place', subtitle: [TITLES[unit] ?? ''] },
    vconcat: pooled.map(effect),
    spacing: 18,
  };
}

/** One finding: a row for each place, and one for all. */
function effect({ id, title, unit, places, mean, interval }: PooledFinding) {
  const shown = (value: number): number => (unit === 'ratio' ? 100 * (Math.exp(value / 100) - 1) : value);
  const rowOf = (place: string, kind: string, effect: Pick<PooledFinding, 'mean' | 'interval'>) => {
    const [low, high] = effect.interval;
    return { place, kind, mean: shown(effect.mean), low: shown(low), high: shown(high) };
  };
  const rows = [...places.map((one) => rowOf(one.place, 'place', one)), rowOf('all', 'all', { mean, interval })];
  const values = rows.map((row) => ({ ...row, side: row.low > 0 || row.high < 0 ? 'differs' : 'holds 0' }));
  const y = { field: 'place', type: 'nominal' as const, sort: null, axis: { title: null } };
  const x = { type: 'quantitative' as const, axis: { title: null, tickCount: 6 } };
  const color = {
    field: 'side',
    type: 'nominal' as const,
    scale: { domain: ['differs', 'holds 0'], range: ['#31688e', '#999'] },
    legend: null,
  };
  const shape = {
    field: 'kind',
    type: 'nominal' as const,
    scale: { domain: ['place', 'all'], range: ['circle', 'diamond'] },
    legend: null,
  };
  return {
    title: { text: `${id}: ${title}`, fontSize: 13, fontWeight: 'normal' as const, offset: 6 },
    width: 520,
    height: { step: 17 },
    data: { values },
    layer: [
      { mark: { type: 'rule' as const, color: '#bbb', strokeDash: [3, 3] }, encoding: { x: { datum: 0, ...x } } },
      {
        mark: { type: 'rule' as const, strokeWidth: 2 },
        encoding: { y, x: { field: 'low', ...x }, x2: { field: 'high' }, color },
      },
      {
        mark: { type: 'point' as const, filled: true, size: 55, opacity: 1 },
        encoding: { y, x: { field: 'mean', ...x }, color, shape },
      },
    ],
  };
}
