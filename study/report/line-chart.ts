// A chart of lines with bands: from series of points to a vega-lite specification.
// Knows nothing of the study.

import type { TopLevelSpec } from 'vega-lite';
import { LINE_LEGEND, THEME } from '../../src/report/theme.js';

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

/** One layer of a chart. */
type Layer = Extract<TopLevelSpec, { layer: unknown[] }>['layer'][number];

/** Lines in the order of their points, with bands where points have them. */
export function lineChart(chart: LineChart): TopLevelSpec {
  const { title, subtitle, series, rules = [], size = [560, 340] } = chart;
  const rows = series.flatMap(({ label, points }) => {
    return points.map((point, order): Row => ({ ...point, series: label, order }));
  });
  return {
    config: THEME,
    title: { text: title, subtitle: [...subtitle] },
    width: size[0],
    height: size[1],
    data: { values: rows },
    layer: [...rules.map((one) => rule(chart, one)), ...series.flatMap((one) => band(chart, one)), line(chart)],
  };
}

function line(chart: LineChart): Layer {
  const { series, points } = chart;
  const dashes = series.map(({ dashed }) => (dashed ? [5, 4] : [1, 0]));
  const colours = series.map(({ colour }) => colour);
  return {
    mark: { type: 'line', strokeWidth: 2.2, clip: isCut(chart), ...(points ? { point: { size: 36 } } : {}) },
    encoding: {
      ...position(chart),
      color: {
        field: 'series',
        type: 'nominal',
        scale: { domain: labels(series), range: colours },
        legend: LINE_LEGEND,
      },
      strokeDash: {
        field: 'series',
        type: 'nominal',
        scale: { domain: labels(series), range: dashes },
        legend: LINE_LEGEND,
      },
      order: { field: 'order', type: 'quantitative' },
    },
  };
}

/** A layer of its own for each series, with its own colour: in the legend there are lines only. */
function band(chart: LineChart, { colour, points }: ChartSeries): Layer[] {
  if (points.every(({ low }) => low === undefined)) return [];
  const { x, y } = position(chart);
  return [
    {
      data: { values: [...points] },
      mark: { type: 'area', opacity: 0.16, color: colour, clip: isCut(chart) },
      encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
    },
  ];
}

function rule(chart: LineChart, { from, to }: ChartRule): Layer {
  return {
    data: { values: [{ x: from.x, y: from.y, x2: to.x, y2: to.y }] },
    mark: { type: 'rule', color: '#999', strokeDash: [3, 3] },
    encoding: { ...position(chart), x2: { field: 'x2' }, y2: { field: 'y2' } },
  };
}

function position({ x, y }: LineChart) {
  return {
    x: { field: 'x', type: 'quantitative' as const, ...scaled(x) },
    y: { field: 'y', type: 'quantitative' as const, ...scaled(y) },
  };
}

/** Whether an axis may leave data out; elsewhere clipping would halve the points at the edges. */
function isCut({ x, y }: LineChart): boolean {
  return x.domain !== undefined || y.domain !== undefined;
}

function labels(series: readonly ChartSeries[]): string[] {
  return series.map(({ label }) => label);
}

function scaled({ title, domain, values }: ChartAxis) {
  return {
    scale: domain === undefined ? { zero: false, nice: true } : { domain: [...domain], nice: false },
    axis: { title, ...(values === undefined ? { tickCount: 7 } : { values: [...values] }) },
  };
}
