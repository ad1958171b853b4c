// What is judged of a measurement, by what: checked, and each metric's best found.
// Keeps nothing, and warns of nothing.

import { boolean, checkNames, fieldOf, invalid, oneOf } from '../base/argument.js';
import type { Judged, Measured } from './bests.js';
import type { Validation } from './measure.js';
import { isGuess, MODES, type Mode, metricOf, winnersOf } from './selection.js';
import type { Ties } from './ties.js';

/** By what `WeightEma.record` judges. */
export interface RecordOptions {
  /** Name of a measured metric, with or without `val_`. @defaultValue `'loss'` */
  readonly monitor?: string;
  /** Whether smaller or larger is better; `'auto'`: by the words in the metric's name. @defaultValue `'auto'` */
  readonly mode?: Mode;
  /** Whether the weights of the best averages are kept. @defaultValue true */
  readonly keepBest?: boolean;
}

/** What was measured at the end of one epoch. */
export interface EpochValidation extends Validation {
  /** The epoch, from 0, as `model.fit` counts. */
  readonly epoch: number;
  /** Place of the best average by the monitored metric; undefined where none has a number, and up to `start`. */
  readonly best: number | undefined;
  /**
   * What the validation data cannot tell apart from that best average; undefined where there is none, where the metric has no
   * value per sample, or with the option `ties: false`.
   */
  readonly tied: Ties | undefined;
}

/** A measurement as it was judged. */
export interface Judgement extends Judged {
  readonly keepBest: boolean;
  /** What to warn of, if the direction was guessed. */
  readonly guess: string | undefined;
  /** The place of the best average by the monitored metric; undefined where none has a number. */
  readonly best: number | undefined;
}

/**
 * Judges a measurement.
 * @param decays of the averages, in their order.
 * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong, or nothing of this name was measured.
 */
export function judge(measured: Measured, decays: readonly number[], options: RecordOptions): Judgement {
  checkMeasured(measured, decays.length);
  checkNames(options, ['monitor', 'mode', 'keepBest']);
  const { monitor: name = 'loss', mode = 'auto', keepBest = true } = options;
  const { averages } = measured;
  const monitor = metricOf(`${name}`);
  if (!averages.some((metrics) => fieldOf(metrics, monitor) !== undefined)) {
    const names = Object.keys(averages[0] ?? {}).join(', ');
    throw invalid('monitor', `one of ${names || 'the measured metrics'}`, name);
  }
  const winners = winnersOf(averages, decays, { monitor, mode: oneOf('mode', mode, MODES) });
  const best = winners.find(({ metric }) => metric === monitor)?.index;
  return { winners, decays, monitor, keepBest: boolean('keepBest', keepBest), guess: guessOf(monitor, mode), best };
}

/**
 * Checks what was measured elsewhere: what is taken down here must be what a file can hold.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
function checkMeasured(measured: Measured, count: number): void {
  const [averages, epoch, raw] = ['averages', 'epoch', 'raw'].map((name) => fieldOf(measured, name));
  if (!Array.isArray(averages))
    throw invalid('measured', 'an object such as { epoch: 0, averages: [{ loss: 1 }] }', measured);
  if (!Number.isSafeInteger(epoch) || Number(epoch) < 0)
    throw invalid('measured.epoch', 'a whole number from 0', epoch, 'In a loop without epochs count the measurements.');
  if (averages.length !== count)
    throw invalid('measured.averages', `metrics of each of the ${count} averages`, `${averages.length} of them`);
  for (const [index, metrics] of averages.entries()) checkMetrics(`measured.averages[${index}]`, metrics);
  if (raw !== undefined) checkMetrics('measured.raw', raw);
}

function checkMetrics(name: string, metrics: unknown): void {
  const isRecord = typeof metrics === 'object' && metrics !== null && !Array.isArray(metrics);
  if (isRecord && Object.values(metrics).every((value) => typeof value === 'number')) return;
  throw invalid(name, 'numbers by name, such as { loss: 0.3 }', metrics);
}

/** The warning for a direction that is guessed; undefined where it is said. */
export function guessOf(metric: string, mode: Mode = 'auto'): string | undefined {
  if (mode !== 'auto' || !isGuess(metric)) return undefined;
  const fix = "Say so by mode: 'min' or 'max'.";
  return `nothing in the name '${metric}' says what is better: smaller is taken to be. ${fix}`;
}

/** The warning for a best average that cannot be compared with what comes. */
export function incomparable(metric: string, epoch: number): string {
  return (
    `'${metric}' is measured by another function now than that of its best average so far (epoch ${epoch}): ` +
    'the two cannot be compared, and the next validation takes its place. Save it before, if it is to be kept.'
  );
}
