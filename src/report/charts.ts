// A report's charts as vega-lite specifications.
// Pure functions from numbers to plain objects; draws nothing.

import type { DiagnosisSummary } from '../diagnosis/figures.js';
import type { EpochValidation } from '../validation/judging.js';
import type { ReportData, ReportedAverage } from './data.js';
import { directionIn, labelsOf, metricNamesOf } from './table.js';
import { LINE_LEGEND, orderedColours, PLAIN, THEME } from './theme.js';

/** A vega-lite specification: plain data. */
export type ChartSpec = Readonly<Record<string, unknown>>;

/** A chart of a report. */
export interface ReportChart {
  /** Such as `'metric-loss'`; file names are made of it. */
  readonly name: string;
  readonly title: string;
  readonly spec: ChartSpec;
}

interface Point {
  readonly x: number;
  readonly series: string;
  readonly value: number;
}

interface LineChart {
  readonly title: string;
  readonly subtitle: string;
  readonly x: string;
  readonly y: string;
  readonly isLogarithmic: boolean;
  readonly series: readonly { readonly name: string; readonly colour: string }[];
  readonly points: readonly Point[];
  /** Horizontal lines with a word each. */
  readonly rules?: readonly { readonly value: number; readonly text: string }[];
}

/** Layers in a chart: those with the most noise. */
const MOST_LAYERS = 7;

/** The charts for which there are data. */
export function reportCharts(report: ReportData): readonly ReportChart[] {
  const charts = metricNamesOf(report.epochs).map((metric) => metricChart(report, metric));
  const looks = report.diagnoses.filter(({ updates }) => updates > 0);
  if (looks.length < 2) return charts;
  const signal = looks.some((look) => look.signal !== undefined) ? [signalChart(looks)] : [];
  return [...charts, distanceChart(looks, report.averages), ...signal];
}

function metricChart({ epochs, averages, bests }: ReportData, metric: string): ReportChart {
  const labels = labelsOf(averages);
  const pointsOf = ({ epoch, raw, averages: measured }: EpochValidation): Point[] =>
    [raw, ...measured].map((metrics, index) => ({
      x: epoch + 1,
      series: index === 0 ? 'raw weights' : (labels[index - 1] ?? ''),
      value: metrics[metric] ?? Number.NaN,
    }));
  const title = `Validation ${metric}: raw weights and averages`;
  const better = directionIn(bests, metric) === 'min' ? 'Lower is better' : 'Higher is better';
  const spec = lineChart({
    title,
    subtitle: `${better}. Averages by their decay per step.`,
    x: 'Epoch',
    y: `val_${metric}`,
    isLogarithmic: false,
    series: [{ name: 'raw weights', colour: PLAIN }, ...byDecay(averages)],
    points: epochs.flatMap(pointsOf),
  });
  return { name: `metric-${metric.replaceAll(/[^\w.-]/g, '_')}`, title, spec };
}

function distanceChart(looks: readonly DiagnosisSummary[], averages: readonly ReportedAverage[]): ReportChart {
  const title = 'How far the averages are from the weights';
  const labels = labelsOf(averages);
  const spec = lineChart({
    title,
    subtitle: 'Distance of all weights together, as a share of their norm.',
    x: 'Optimizer step',
    y: '|w − ema| / |w|',
    isLogarithmic: true,
    series: byDecay(averages),
    points: looks.flatMap(({ steps, total }) =>
      total.averages.map(({ distance }, k) => ({
        x: steps,
        series: labels[k] ?? '',
        value: distance / total.norm,
      })),
    ),
  });
  return { name: 'distance', title, spec };
}

function signalChart(looks: readonly DiagnosisSummary[]): ReportChart {
  const title = 'Signal to noise: drift of the weights against their jumping about';
  const last = looks.at(-1);
  const layers = [...(last?.layers ?? [])].sort((a, b) => b.noise - a.noise).slice(0, MOST_LAYERS);
  const names = layers.map(({ layer }) => layer);
  const colours = orderedColours(names.length);
  const known = last?.signal?.references;
  const rules =
    known === undefined
      ? []
      : [
          { value: known.walk, text: 'a random walk; below it: noise' },
          { value: Math.sqrt(known.walk * known.line), text: 'above it: drift' },
        ];
  const spec = lineChart({
    title,
    subtitle: '|fast average − slow average| / |w − fast average|, by layer.',
    x: 'Optimizer step',
    y: 'Drift / noise',
    isLogarithmic: true,
    series: [
      { name: 'all layers', colour: PLAIN },
      ...names.map((name, index) => ({ name, colour: colours[index] ?? PLAIN })),
    ],
    points: looks.flatMap(({ steps, signal, layers: own }) => [
      { x: steps, series: 'all layers', value: signal?.ratio ?? Number.NaN },
      ...own
        .filter(({ layer }) => names.includes(layer))
        .map(({ layer, ratio }) => ({ x: steps, series: layer, value: ratio })),
    ]),
    rules,
  });
  return { name: 'signal-to-noise', title, spec };
}

function byDecay(averages: readonly ReportedAverage[]): { readonly name: string; readonly colour: string }[] {
  const labels = labelsOf(averages);
  const sorted = averages
    .map(({ decay }, index) => ({ decay, name: labels[index] ?? '' }))
    .sort((a, b) => a.decay - b.decay);
  const colours = orderedColours(sorted.length);
  return sorted.map(({ name }, index) => ({ name, colour: colours[index] ?? PLAIN }));
}

function lineChart({ title, subtitle, x, y, isLogarithmic, series, points, rules = [] }: LineChart): ChartSpec {
  const drawn = points.filter(({ value }) => Number.isFinite(value) && (!isLogarithmic || value > 0));
  const levels = [...drawn, ...rules].map(({ value }) => value);
  // Room above and below; a log scale's own nice ends can leave most of the chart empty.
  const domain = [0.85 * Math.min(...levels), 1.2 * Math.max(...levels)];
  const scale = isLogarithmic ? { type: 'log', domain, nice: false } : { zero: false };
  const lines = {
    data: { values: drawn },
    mark: { type: 'line', point: { size: 30 }, strokeWidth: 2.2 },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        scale: { nice: false },
        axis: { title: x, tickMinStep: 1, tickCount: 8, grid: false, labelFlush: false, offset: 6 },
      },
      y: { field: 'value', type: 'quantitative', scale, axis: { title: y, tickCount: 6 } },
      color: {
        field: 'series',
        type: 'nominal',
        scale: { domain: series.map(({ name }) => name), range: series.map(({ colour }) => colour) },
        legend: LINE_LEGEND,
      },
    },
  };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    config: THEME,
    title: { text: title, subtitle },
    width: 560,
    height: 320,
    layer: [lines, ...rules.flatMap((rule) => ruleLayers(rule, scale))],
  };
}

function ruleLayers(
  { value, text }: { readonly value: number; readonly text: string },
  scale: ChartSpec,
): readonly ChartSpec[] {
  const data = { values: [{ value }] };
  const y = { field: 'value', type: 'quantitative', scale };
  return [
    { data, mark: { type: 'rule', color: '#999', strokeDash: [4, 4] }, encoding: { y } },
    {
      data,
      mark: { type: 'text', align: 'left', dx: 6, dy: -6, fontSize: 11, color: '#666', text },
      encoding: { y, x: { value: 0 } },
    },
  ];
}
