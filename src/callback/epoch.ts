// The end of an epoch: what is measured, which average is the best by it, and what of it goes into the logs.
// Knows no training events, and moves no average.

import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import type { WeightEma } from '../ema/weight-ema.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { BestRecord } from '../validation/bests.js';
import { type Validation, validate } from '../validation/measure.js';
import { metricNames } from '../validation/meter.js';
import { judgedMetrics, type Metrics, winnersOf } from '../validation/selection.js';
import { type Ties, tiesBy } from '../validation/ties.js';
import type { ResolvedValidation } from './options.js';

/** What was measured at the end of one epoch. */
export interface EpochValidation extends Validation {
  /** The epoch, from 0, as `model.fit` counts. */
  readonly epoch: number;
  /** Index of the best average by the monitored metric; undefined when none has a number. */
  readonly best: number | undefined;
  /**
   * What the validation data cannot tell apart from that best average; undefined where there is none, where the metric has no
   * value per sample, or with the option `ties: false`.
   */
  readonly tied: Ties | undefined;
}

/**
 * Measures the raw weights and the averages, says which average is the best, and keeps the best so far.
 * @returns undefined without validation data.
 * @throws {@link EmaError} as `validate`
 */
export async function endEpoch(
  tf: Tfjs,
  { ema, model, epoch }: { readonly ema: WeightEma; readonly model: LayersModel; readonly epoch: number },
  { data, monitor, mode, batchSize, batches, keepBest, bestFolder, ties }: ResolvedValidation,
): Promise<EpochValidation | undefined> {
  if (data === undefined) return undefined;
  const monitored = metricOf(monitor);
  const scored = ties ? judgedMetrics(monitored, metricNames(model)) : [];
  const source = { model, data, batchSize, batches, scored };
  const { scores, ...measured } = await validate(tf, ema, source);
  const winners = winnersOf(measured.averages, ema.decays, { monitor: monitored, mode });
  const tied = tiesBy(scores, winners);
  const before = ema.bests;
  const best = ema.record({ ...measured, epoch, tied }, { monitor: monitored, mode, keepBest });
  if (bestFolder !== undefined) await saveBests(ema, before, bestFolder);
  return { ...measured, epoch, best, tied: best === undefined ? undefined : tied[monitored] };
}

/** Saves the best averages that are new. Not by their epoch: in the next fit there is an epoch of the same number. */
async function saveBests(ema: WeightEma, before: readonly BestRecord[], folder: string): Promise<void> {
  for (const best of ema.bests) {
    // A metric of the user's own may be called anything.
    const name = `best-${best.metric.replaceAll(/[^\w.-]/g, '_')}`;
    if (!before.includes(best)) await ema.saveModel(`best-${best.metric}`, `file://${join(folder, name)}`);
  }
}

/** The metric behind the name of a log: `val_acc` is `acc`. */
export function metricOf(monitor: string): string {
  return monitor.slice('val_'.length);
}

/**
 * Checks, once the model is known, that it measures what is monitored.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
export function checkMonitor({ data, monitor }: ResolvedValidation, model: LayersModel): void {
  const names = metricNames(model).map((name) => `val_${name}`);
  if (data !== undefined && !names.includes(monitor)) throw invalid('monitor', `one of ${names.join(', ')}`, monitor);
}

/** Numbers for History; tfjs breaks on anything else. */
export function toLogs({ raw, averages, best }: EpochValidation, { decays, labels }: WeightEma): Metrics {
  const logs: Record<string, number> = {};
  const add = (prefix: string, metrics: Metrics): void => {
    for (const [name, value] of Object.entries(metrics)) logs[`val_${prefix}_${name}`] = value;
  };
  add('raw', raw);
  averages.forEach((metrics, index) => {
    add(`ema_${labels[index]}`, metrics);
  });
  // A number an epoch, or History would lose its place: NaN where nothing is best.
  add('ema', best === undefined ? nothing(raw) : (averages[best] ?? {}));
  logs['ema_best_decay'] = best === undefined ? Number.NaN : (decays[best] ?? Number.NaN);
  return logs;
}

/** The same names, without numbers. */
function nothing(metrics: Metrics): Metrics {
  return Object.fromEntries(Object.keys(metrics).map((name) => [name, Number.NaN]));
}
