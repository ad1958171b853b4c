// Charts of the course of training: curves per epoch, early epochs, learning rate, windows, warm-up, T.
// Findings are not judged here.

import { median } from 'simple-statistics';
import { orderedColours } from '../../src/report/theme.js';
import { bestEpoch, curve, slowestMain } from '../findings/curves.js';
import type { StudyResults } from '../findings/index.js';
import type { Condition } from '../runs/condition.js';
import type { RunResult } from '../runs/result.js';
import { PLAIN_WINDOWS, RAW, SPARSE, SPARSE_STEPS, trackId } from '../runs/tracks.js';
import type { Chart } from './chart.js';
import { type ChartPoint, type ChartSeries, lineChart } from './line-chart.js';
import { COLOURS, mainSeries, meanCurve, seedCount, windowLabel } from './series.js';

const EPOCH = { title: 'Epoch' } as const;
const ACCURACY = { title: 'Validation accuracy (%)' } as const;
const EARLY_EPOCHS = 10;
const [FAST = '', SLOW = ''] = PLAIN_WINDOWS.map((share) => trackId('plain', share));

/** Validation curves of the main condition and of N40, and the main condition's early epochs. */
export function epochCharts(results: StudyResults): Chart[] {
  const main = results.main;
  const charts = main === undefined ? [] : [...curveCharts(results, main), earlyChart(results, main)];
  return [...charts, ...noisyChart(results)];
}

function curveCharts(results: StudyResults, main: Condition): Chart[] {
  const subtitle = [`Condition ${main.id}: ${main.title}; mean of ${seedCount(results.of(main.id))}`];
  return [
    {
      name: 'validation-accuracy',
      caption:
        'Validation accuracy after each epoch, of the raw weights and of every average; windows in per cent of the run. Long windows are one line for as long as the warm-up holds them all back.',
      spec: lineChart({
        title: 'Validation accuracy',
        subtitle,
        x: EPOCH,
        y: ACCURACY,
        series: mainSeries(results, main.id, { metric: 'accuracy' }),
      }),
    },
    {
      name: 'validation-loss',
      caption: 'Validation loss after each epoch. Its lowest point is what "(loss)" models are taken from.',
      spec: lineChart({
        title: 'Validation loss',
        subtitle,
        x: EPOCH,
        y: { title: 'Validation loss (nats)' },
        series: mainSeries(results, main.id, { metric: 'loss' }),
      }),
    },
  ];
}

function earlyChart(results: StudyResults, main: Condition): Chart {
  const runs = results.of(main.id);
  const choice = { metric: 'accuracy', epochs: EARLY_EPOCHS, band: true } as const;
  return {
    name: 'early',
    caption: 'The first epochs, with the range of the seeds (F1).',
    spec: lineChart({
      title: 'The first epochs',
      subtitle: [`Condition ${main.id}; mean and range of ${seedCount(runs)}`],
      x: EPOCH,
      y: ACCURACY,
      points: true,
      series: [
        { label: 'raw weights', colour: COLOURS.sgdLast, points: meanCurve(runs, () => RAW, choice) },
        { label: 'average, longest window', colour: COLOURS.ema, points: meanCurve(runs, slowestMain, choice) },
      ],
    }),
  };
}

function noisyChart(results: StudyResults): Chart[] {
  const runs = results.of('N40');
  if (runs.length === 0) return [];
  const subtitle = [`Condition N40: cosine learning rate; mean of ${seedCount(runs)}; validation labels are as noisy`];
  return [
    {
      name: 'noisy-validation-accuracy',
      caption:
        'The same with 40 % of the labels wrong, in the validation data too: a perfect model would measure about 60 %.',
      spec: lineChart({
        title: 'Validation accuracy, 40 % wrong labels',
        subtitle,
        x: EPOCH,
        y: ACCURACY,
        series: mainSeries(results, 'N40', { metric: 'accuracy' }),
      }),
    },
  ];
}

/** Decay of the learning rate against averaging. */
export function learningRateCharts(results: StudyResults): Chart[] {
  const [constant, cosine] = [results.of('K'), results.of('Cc')];
  if (constant.length === 0 || cosine.length === 0) return [];
  const choice = { metric: 'accuracy', band: true } as const;
  return [
    {
      name: 'learning-rate',
      caption: 'A constant learning rate, its average, and a cosine rate without averaging (F3).',
      spec: lineChart({
        title: 'Learning-rate decay against averaging',
        subtitle: [`Conditions K and Cc: augmentation, clean labels; mean and range of ${seedCount(constant)}`],
        x: EPOCH,
        y: ACCURACY,
        series: [
          {
            label: 'constant rate, raw weights',
            colour: COLOURS.sgdLast,
            points: meanCurve(constant, () => RAW, choice),
          },
          { label: 'constant rate, average', colour: COLOURS.ema, points: meanCurve(constant, slowestMain, choice) },
          { label: 'cosine rate, raw weights', colour: COLOURS.other, points: meanCurve(cosine, () => RAW, choice) },
        ],
      }),
    },
  ];
}

const WARMUP_EPOCHS = 15;

/** Window against best epoch, warm-up, and T. */
export function updateCharts(results: StudyResults): Chart[] {
  const runs = results.of('A');
  if (runs[0]?.curves[FAST] === undefined) return [];
  return [windowsChart(runs), warmupChart(runs), sparseChart(runs)];
}

function windowsChart(runs: readonly RunResult[]): Chart {
  const colours = orderedColours(PLAIN_WINDOWS.length);
  const series = PLAIN_WINDOWS.map((share, index): ChartSeries => {
    const track = trackId('plain', share);
    const epochs = runs.map((run) => bestEpoch(curve(run, track)));
    const range = runs.length === 1 ? '' : ` (${Math.min(...epochs)} to ${Math.max(...epochs)})`;
    const label = `${windowLabel(track)}: best after ${median(epochs)}${range} epochs`;
    return { label, colour: colours[index] ?? '', points: meanCurve(runs, () => track, { metric: 'accuracy' }) };
  });
  // The first epochs of long windows are far below: they would flatten what is to be compared.
  const top = Math.ceil(Math.max(...series.flatMap(({ points }) => points.map(({ y }) => y)))) + 1;
  return {
    name: 'windows',
    caption:
      'Validation accuracy of averages without warm-up of the decay, by window; the legend has the best epoch of each seed (F11).',
    spec: lineChart({
      title: 'Windows without warm-up',
      subtitle: [`Condition A, averages without warm-up; mean of ${seedCount(runs)}`],
      x: EPOCH,
      y: { ...ACCURACY, domain: [top - 16, top] },
      series,
      size: [560, 300],
    }),
  };
}

function warmupChart(runs: readonly RunResult[]): Chart {
  const early = { metric: 'accuracy', epochs: WARMUP_EPOCHS, band: true } as const;
  return {
    name: 'warm-up',
    caption: 'The same window with and without warm-up of the decay (F12).',
    spec: lineChart({
      title: 'Warm-up of the decay',
      subtitle: [`Condition A, window of 10 % of the run; mean and range of ${seedCount(runs)}`],
      x: EPOCH,
      y: ACCURACY,
      points: true,
      series: [
        { label: 'raw weights', colour: COLOURS.sgdLast, points: meanCurve(runs, () => RAW, early) },
        { label: 'average with warm-up', colour: COLOURS.ema, points: meanCurve(runs, slowestMain, early) },
        { label: 'average without', colour: COLOURS.sgdLoss, points: meanCurve(runs, () => SLOW, early) },
      ],
    }),
  };
}

function sparseChart(runs: readonly RunResult[]): Chart {
  const every = `every ${SPARSE_STEPS}`;
  const points = (track: string): ChartPoint[] =>
    meanCurve(runs, () => track, { metric: 'accuracy', epochs: WARMUP_EPOCHS });
  return {
    name: 'update-every',
    caption: `An update every ${SPARSE_STEPS} steps with decay ** ${SPARSE_STEPS} beside the average of every step, and one with the plain decay (F13).`,
    spec: lineChart({
      title: `Updating every ${SPARSE_STEPS} steps`,
      subtitle: [`Condition A, window of 2.56 % of the run, no warm-up; mean of ${seedCount(runs)}`],
      x: EPOCH,
      y: ACCURACY,
      points: true,
      series: [
        { label: 'every step', colour: COLOURS.sgdLast, points: points(FAST) },
        {
          label: `${every}, decay ** ${SPARSE_STEPS}`,
          colour: COLOURS.ema,
          dashed: true,
          points: points(SPARSE.right),
        },
        { label: `${every}, plain decay`, colour: COLOURS.sgdLoss, points: points(SPARSE.naive) },
      ],
    }),
  };
}
