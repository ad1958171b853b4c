// Charts of finished models: noise, memorisation, reliability, churn.
// Findings are not judged here.

import { mean } from 'simple-statistics';
import type { TopLevelSpec } from 'vega-lite';
import { THEME } from '../../src/report/theme.js';
import { slowestMain } from '../findings/curves.js';
import type { StudyResults } from '../findings/index.js';
import { model, testAccuracy } from '../findings/study-results.js';
import type { NoisyFit } from '../metrics/memorisation.js';
import { RAW } from '../runs/tracks.js';
import type { Chart } from './chart.js';
import { type ChartPoint, type ChartSeries, lineChart } from './line-chart.js';
import { COLOURS, LABELS, seedCount } from './series.js';

const MODELS = ['sgdLast', 'sgdLoss', 'emaLoss'] as const;
const COLOUR = { sgdLast: COLOURS.sgdLast, sgdLoss: COLOURS.sgdLoss, emaLoss: COLOURS.ema } as const;

/** Test accuracy by share of wrong labels, and how they are memorised. */
export function noiseCharts(results: StudyResults): Chart[] {
  const levels = ['A', ...results.noisy].filter((id) => results.of(id).length > 0);
  const memorised = ['N40', 'paper'].flatMap((id) => memorisationChart(results, id));
  if (results.noisy.length === 0) return memorised;
  const noiseOf = (id: string): number =>
    100 * (results.conditions.find((condition) => condition.id === id)?.data.noise ?? 0);
  const series = MODELS.map((id): ChartSeries => {
    const points = levels.map((level): ChartPoint => {
      const values = results.of(level).map((run) => testAccuracy(run, id));
      return { x: noiseOf(level), y: mean(values), low: Math.min(...values), high: Math.max(...values) };
    });
    return { label: LABELS[id], colour: COLOUR[id], points };
  });
  return [
    {
      name: 'noise',
      caption:
        "Test accuracy (true labels) by the share of wrong training labels: how much early stopping saves, and how much the average adds (F5, F5').",
      spec: lineChart({
        title: 'Wrong labels',
        subtitle: [`Conditions ${levels.join(', ')}; mean and range of the seeds`],
        x: { title: 'Wrong labels in training and validation data (%)', values: levels.map(noiseOf) },
        y: { title: 'Test accuracy (%)' },
        series,
        points: true,
      }),
    },
    ...memorised,
  ];
}

function memorisationChart(results: StudyResults, condition: string): Chart[] {
  const runs = results.of(condition);
  if (runs[0]?.memorisation[RAW] === undefined) return [];
  const path = (fits: readonly NoisyFit[] | undefined): ChartPoint[] =>
    (fits ?? []).map(({ clean, noisy }) => ({ x: 100 * clean, y: 100 * noisy }));
  const meanPath = (track: (run: (typeof runs)[number]) => string): ChartPoint[] => {
    const paths = runs.map((run) => path(run.memorisation[track(run)]));
    return (paths[0] ?? []).map((_, epoch) => {
      const at = paths.flatMap((points) => points[epoch] ?? []);
      return { x: mean(at.map(({ x }) => x)), y: mean(at.map(({ y }) => y)) };
    });
  };
  const series = [
    { label: 'raw weights', colour: COLOURS.sgdLast, points: meanPath(() => RAW) },
    { label: 'average, longest window', colour: COLOURS.ema, points: meanPath(slowestMain) },
  ];
  const top = Math.max(...series.flatMap(({ points }) => points.map(({ y }) => y)));
  return [
    {
      name: 'memorisation',
      caption:
        'Each line goes through the epochs. To be compared at the same fit of the right labels (dotted: 90 %) (F6).',
      spec: lineChart({
        title: 'Memorisation of wrong labels',
        subtitle: [`Condition ${condition}; one point an epoch, mean of ${seedCount(runs)}`],
        x: { title: 'Right labels fitted (%)' },
        y: { title: 'Wrong labels fitted (%)' },
        series,
        rules: [{ from: { x: 90, y: 0 }, to: { x: 90, y: top } }],
        points: true,
      }),
    },
  ];
}

/** Confidence against accuracy on the test samples. */
export function reliabilityCharts(results: StudyResults): Chart[] {
  const { main } = results;
  if (main === undefined) return [];
  const runs = results.of(main.id);
  const series = MODELS.map((id): ChartSeries => {
    const bins = runs.map((run) => model(run, id).reliability);
    const points = (bins[0] ?? []).flatMap((_, index) => {
      const all = bins.flatMap((one) => one[index] ?? []);
      const count = all.reduce((sum, bin) => sum + bin.count, 0);
      const weighted = (key: 'confidence' | 'accuracy'): number =>
        (100 * all.reduce((sum, bin) => sum + bin.count * bin[key], 0)) / count;
      // A bin with a handful of samples says nothing.
      return count < 20 * runs.length ? [] : [{ x: weighted('confidence'), y: weighted('accuracy') }];
    });
    return { label: LABELS[id], colour: COLOUR[id], points };
  });
  return [
    {
      name: 'reliability',
      caption:
        "Accuracy of test samples by the confidence of the model, in 15 bins; on the dotted line confidence is right (F8, F8').",
      spec: lineChart({
        title: 'Reliability',
        subtitle: [
          `Condition ${main.id}; all test samples of ${seedCount(runs)}; bins with fewer than 20 samples a seed left out`,
        ],
        x: { title: 'Confidence (%)', domain: [20, 100] },
        y: { title: 'Accuracy (%)', domain: [20, 100] },
        series,
        rules: [{ from: { x: 20, y: 20 }, to: { x: 100, y: 100 } }],
        points: true,
        size: [400, 400],
      }),
    },
  ];
}

/** Disagreement between seeds. */
export function churnCharts(results: StudyResults): Chart[] {
  const rows = ['A', 'K', 'N40', 'paper'].flatMap((condition) =>
    MODELS.flatMap((id) => {
      const measure = results.disagreement('churn', condition, id);
      if (measure === undefined) return [];
      const { mean, interval } = measure.estimate;
      return [
        {
          condition: CONDITION_LABELS[condition] ?? condition,
          model: LABELS[id],
          mean,
          low: interval?.[0] ?? mean,
          high: interval?.[1] ?? mean,
        },
      ];
    }),
  );
  if (rows.length === 0) return [];
  return [
    {
      name: 'churn',
      caption:
        'Share of test samples that two seeds classify differently; bars span the 95 % interval (jackknife over seeds) (F9).',
      spec: churnSpec(rows),
    },
  ];
}

const CONDITION_LABELS: Readonly<Record<string, string>> = {
  A: 'clean labels (A)',
  K: 'constant rate (K)',
  N40: '40 % wrong (N40)',
};

function churnSpec(rows: readonly object[]): TopLevelSpec {
  const row = {
    field: 'condition',
    type: 'nominal',
    sort: Object.values(CONDITION_LABELS),
    header: { title: null, labelAngle: 0, labelAlign: 'left', labelFontSize: 12.5 },
  } as const;
  return {
    config: THEME,
    title: {
      text: 'Do two seeds agree?',
      subtitle: ['Share of test samples with different top classes, mean over pairs of seeds'],
    },
    data: { values: [...rows] },
    facet: { row },
    spec: { width: 420, height: 84, layer: churnLayers() },
  };
}

function churnLayers() {
  const names = MODELS.map((id) => LABELS[id]);
  const colours = MODELS.map((id) => COLOUR[id]);
  const axis = { title: 'Churn between two seeds (%)', tickCount: 6 };
  const x = { type: 'quantitative' as const, axis, scale: { zero: true } };
  const y = {
    field: 'model',
    type: 'nominal' as const,
    sort: names,
    axis: { title: null, ticks: false, domain: false },
  };
  const color = {
    field: 'model',
    type: 'nominal' as const,
    scale: { domain: names, range: colours },
    legend: null,
  };
  return [
    { mark: { type: 'bar' as const, height: 18 }, encoding: { y, color, x: { ...x, field: 'mean' } } },
    {
      mark: { type: 'rule' as const, color: '#222', strokeWidth: 1.6 },
      encoding: { y, x: { ...x, field: 'low' }, x2: { field: 'high' } },
    },
  ];
}
