// A chart of lines with bands: from series of points to a vega-lite specification.
// Knows nothing of the study.

import type { TopLevelSpec } from 'vega-lite';
import { theme } from '../charts/theme.js';

/** A point; `low` and `high` bound a band around the line. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

/** One line. */
export interface ChartSeries {
  readonly label: string;
  readonly colour: string;
  readonly dashed?: boolean;
  readonly points: readonly ChartPoint[];
}

/** An axis. */
export interface ChartAxis {
  readonly title: string;
  /** Lowest and highest value shown; what the data has when absent. */
  readonly domain?: readonly [number, number];
  /** Where it is marked; evenly when absent. */
  readonly values?: readonly number[];
}

/** A line across the chart, for a level or a diagonal. */
export interface ChartRule {
  readonly from: ChartPoint;
  readonly to: ChartPoint;
}

/** What {@link lineChart} draws. */
export interface LineChart {
  readonly title: string;
  readonly subtitle: readonly string[];
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly ChartSeries[];
  readonly rules?: readonly ChartRule[];
  /** Marks every point. @defaultValue false */
  readonly points?: boolean;
  /** Width and height; by default a wide one. */
  readonly size?: readonly [width: number, height: number];
}

interface Row extends ChartPoint {
  readonly series: string;
  readonly order: number;
}

/** Lines in the order of their points, with bands where points have them. */
export function lineChart({
  title,
  subtitle,
  x,
  y,
  series,
  rules = [],
  points = false,
  size = [560, 340],
}: LineChart): TopLevelSpec {
  const rows = series.flatMap(({ label, points }) =>
    points.map((point, order): Row => ({ ...point, series: label, order })),
  );
  const scaled = (axis: ChartAxis) => ({
    scale: axis.domain === undefined ? { zero: false, nice: true } : { domain: [...axis.domain], nice: false },
    axis: { title: axis.title, ...(axis.values === undefined ? { tickCount: 7 } : { values: [...axis.values] }) },
  });
  const position = {
    x: { field: 'x', type: 'quantitative', ...scaled(x) },
    y: { field: 'y', type: 'quantitative', ...scaled(y) },
  } as const;
  const domain = series.map(({ label }) => label);
  const color = {
    field: 'series',
    type: 'nominal',
    scale: { domain, range: series.map(({ colour }) => colour) },
    legend: { title: null, symbolType: 'stroke', symbolStrokeWidth: 3, symbolSize: 220 },
  } as const;
  const strokeDash = {
    field: 'series',
    type: 'nominal',
    scale: { domain, range: series.map(({ dashed }) => (dashed ? [5, 4] : [1, 0])) },
    legend: null,
  } as const;
  const hasBand = rows.some(({ low }) => low !== undefined);
  const band = {
    mark: { type: 'area', opacity: 0.16 },
    encoding: { ...position, y: { ...position.y, field: 'low' }, y2: { field: 'high' }, color },
  } as const;
  const line = {
    mark: { type: 'line', strokeWidth: 2.2, clip: true, ...(points ? { point: { size: 36 } } : {}) },
    encoding: { ...position, color, strokeDash, order: { field: 'order', type: 'quantitative' } },
  } as const;
  return {
    config: theme,
    title: { text: title, subtitle: [...subtitle] },
    width: size[0],
    height: size[1],
    data: { values: rows },
    layer: [...rules.map(rule), ...(hasBand ? [band] : []), line],
  };
}

function rule({ from, to }: ChartRule) {
  return {
    data: { values: [{ x: from.x, y: from.y, x2: to.x, y2: to.y }] },
    mark: { type: 'rule', color: '#999', strokeDash: [3, 3] },
    encoding: {
      x: { field: 'x', type: 'quantitative' },
      y: { field: 'y', type: 'quantitative' },
      x2: { field: 'x2' },
      y2: { field: 'y2' },
    },
  } as const;
}
