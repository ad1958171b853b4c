// The demo's figures as people read them: a table, sentences, charts.
// Pure functions; writes nothing.

import type { TopLevelSpec } from 'vega-lite';
import { formatTable } from '../../tools/shared/terminal.js';
import { epochChart } from '../report/epochs.js';
import type { AverageFigures, DemoFigures } from './figures.js';
import type { DemoRun, Score } from './training.js';

const DATA_NAMES: Readonly<Record<string, string>> = { 'fashion-mnist': 'Fashion-MNIST', mnist: 'MNIST digits' };

/** What is trained, and how, in two lines. */
export function describeRun(setup: DemoSetup): string[] {
  const { data, trainImages, validationImages, learningRate, momentum, seed, epochs, steps } = setup;
  return [
    `${DATA_NAMES[data] ?? data}: ${count(trainImages)} training and ${count(validationImages)} validation images`,
    `SGD with momentum ${momentum}, constant learning rate ${learningRate}, ${plural(epochs, 'epoch')}, ${plural(steps, 'step')}, seed ${seed}`,
  ];
}

/** What {@link describeRun} says. */
export type DemoSetup = Pick<
  DemoFigures,
  'data' | 'trainImages' | 'validationImages' | 'learningRate' | 'momentum' | 'seed' | 'epochs' | 'steps'
>;

/** Raw weights against each average, at the end of the run. */
export function resultTable({ raw, averages, bestDecay }: DemoFigures): string {
  const columns = [
    { title: 'weights', align: 'left' },
    { title: 'window' },
    { title: 'of the run' },
    { title: 'val accuracy' },
    { title: 'val loss' },
    { title: 'test accuracy' },
    { title: '', align: 'left' },
  ] as const;
  const scores = (row: Pick<AverageFigures, 'valAccuracy' | 'valLoss' | 'testAccuracy'>): string[] => [
    percent(row.valAccuracy, 2),
    row.valLoss.toFixed(4),
    percent(row.testAccuracy, 2),
  ];
  const rows = averages.map((row) => [
    `average, decay ${decayText(row.decay)}`,
    `${count(Math.round(row.windowSteps))} steps`,
    percent(row.windowShare, 1),
    ...scores(row),
    row.decay === bestDecay ? '<- best: lowest val loss' : '',
  ]);
  return formatTable(columns, [['raw', '', '', ...scores(raw)], ...rows]);
}

/** What the table means, in sentences that are true of these figures whichever way they fell. */
export function conclusions(figures: DemoFigures): string[] {
  const { engine, engineReason, updateShare, updateSeconds, steps, averages, reloaded } = figures;
  const perUpdate = ((1e6 * updateSeconds) / steps).toFixed(0);
  return [
    `${finding(figures)}.`,
    'The learning rate stays constant, which keeps the raw weights noisy; decayed to zero, it would leave averages less to gain.',
    `Updates of ${averages.length} averages: ${percent(updateShare, 2)} of the time of the training steps ` +
      `(${perUpdate} us each, one per step), engine ${engine}: ${engineReason}.`,
    reloaded.identical
      ? `Saved as a plain tfjs model and loaded again, the best average gives the same numbers: ` +
        `${percent(reloaded.valAccuracy, 2)}, loss ${reloaded.valLoss.toFixed(4)}.`
      : `The loaded model gives OTHER numbers than the average that was saved: ` +
        `${percent(reloaded.valAccuracy, 2)}, loss ${reloaded.valLoss}.`,
  ];
}

/** Best average against raw weights on the validation images, as a sentence. */
export function finding({ raw, averages, bestDecay }: DemoFigures): string {
  const best = averages.find(({ decay }) => decay === bestDecay);
  if (best === undefined) return 'No average could be measured.';
  const better = best.valAccuracy >= raw.valAccuracy && best.valLoss < raw.valLoss;
  const ends = `${percent(best.valAccuracy, 2)} validation accuracy, the raw weights at ${percent(raw.valAccuracy, 2)}`;
  return better
    ? `The best average ends at ${ends}`
    : `Averaging did not win in this run: the best average ends at ${ends}`;
}

/** Charts of the run by file name: a metric per epoch, raw weights against averages. */
export function runCharts(run: DemoRun, figures: DemoFigures): Record<'accuracy' | 'loss', TopLevelSpec> {
  const chart = (title: string, metric: string, value: (score: Score) => number): TopLevelSpec =>
    epochChart({
      ...{ title, metric, subtitle: describeRun(figures) },
      epochLabel: `Epoch (${count(figures.steps / figures.epochs)} steps each)`,
      raw: run.raw.map(value),
      averages: run.averages.map(({ decay, share, epochs }) => ({
        decay,
        label: `decay ${decayText(decay)} (${percent(share, 1)} of the run)`,
        values: epochs.map(value),
      })),
    });
  return {
    accuracy: chart(finding(figures), 'Validation accuracy (%)', ({ accuracy }) => 100 * accuracy),
    loss: chart(lossFinding(figures), 'Validation loss (cross-entropy, nats)', ({ loss }) => loss),
  };
}

function lossFinding({ raw, averages, bestDecay }: DemoFigures): string {
  const best = averages.find(({ decay }) => decay === bestDecay);
  const verb = best !== undefined && best.valLoss < raw.valLoss ? 'lowers' : 'does not lower';
  return `Averaging ${verb} the final validation loss: ${best?.valLoss.toFixed(3)}, raw weights ${raw.valLoss.toFixed(3)}`;
}

function percent(share: number, digits: number): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Five digits, more where they are all 9. */
function decayText(decay: number): string {
  return decay > 0.9999 ? decay.toFixed(6) : decay.toFixed(5);
}

/** `1 step`, `2,000 steps`. */
function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
