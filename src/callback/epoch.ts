// The end of an epoch: what is measured, and which average is the best by it.
// Knows no training events, and moves no average.

import type { LayersModel } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { BatchSource } from '../validation/batches.js';
import type { BestRecord } from '../validation/bests.js';
import { type EpochValidation, judge } from '../validation/judging.js';
import { type Validation, validate } from '../validation/measure.js';
import { metricNames, type ValidationScores } from '../validation/meter.js';
import { judgedMetrics, type Metrics } from '../validation/selection.js';
import { tiesBy } from '../validation/ties.js';
import type { FitAverages } from './averages.js';
import type { ResolvedCallback, Validate } from './options.js';

/** An epoch that has ended. */
export interface EndedEpoch {
  readonly averages: FitAverages;
  /** From 0. */
  readonly epoch: number;
  readonly model: LayersModel;
  /** What to measure on, unless a function measures; undefined where there is no data. */
  readonly source: BatchSource | undefined;
}

/**
 * Measures the raw weights and the averages, says which average is the best, and keeps the best so far.
 * @returns undefined where there is nothing to measure by.
 * @throws {@link EmaError} as `validate`
 */
export async function endEpoch(
  tf: Tfjs,
  { averages, epoch, model, source }: EndedEpoch,
  options: ResolvedCallback,
): Promise<EpochValidation | undefined> {
  const { mode, keepBest, bestFolder } = options;
  const measured = await measure(tf, averages, { model, source, options });
  if (measured === undefined) return undefined;
  const { scores, raw, averages: metrics } = measured;
  const monitor = options.monitor ?? ('loss' in raw ? 'loss' : (Object.keys(raw)[0] ?? 'loss'));
  const judged = judge({ epoch, averages: metrics }, averages.decays, { monitor, mode, keepBest });
  const tied = tiesBy(scores, judged.winners);
  const before = averages.bests;
  const validation = averages.take({ epoch, raw, averages: metrics, tied }, judged);
  if (bestFolder !== undefined) await saveBests(averages, before, bestFolder);
  return validation;
}

/**
 * Checks, once the model is known, that it measures what is monitored.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
export function checkMonitor(monitor: string | undefined, model: LayersModel): void {
  const names = metricNames(model);
  if (monitor === undefined || names.includes(monitor)) return;
  throw invalid('monitor', `one of ${names.map((name) => `val_${name}`).join(', ')}`, `val_${monitor}`);
}

interface ToMeasure {
  readonly model: LayersModel;
  readonly source: BatchSource | undefined;
  readonly options: ResolvedCallback;
}

async function measure(
  tf: Tfjs,
  averages: FitAverages,
  { model, source, options }: ToMeasure,
): Promise<(Validation & { readonly scores: ValidationScores }) | undefined> {
  if (options.validate !== undefined) {
    const scores = { raw: {}, averages: [] };
    return { ...(await measureBy(options.validate, averages, model)), scores };
  }
  if (source === undefined) return undefined;
  const scored = options.ties ? judgedMetrics(options.monitor ?? 'loss', metricNames(model)) : [];
  return validate(tf, averages, { ...source, model, scored });
}

/** By a function of the user's. */
async function measureBy(validate: Validate, averages: FitAverages, model: LayersModel): Promise<Validation> {
  averages.checkMeasurable();
  const raw = checkMetrics(await averages.useOwn(() => validate(model, 'raw')));
  const found: Metrics[] = [];
  for (const [index, label] of averages.labels.entries())
    found.push(checkMetrics(await averages.use({ index }, () => validate(model, label)), raw));
  return { raw, averages: found };
}

/**
 * @param raw what the raw weights had: the same names are wanted.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
function checkMetrics(metrics: Metrics, raw = metrics): Metrics {
  const isRecord = typeof metrics === 'object' && metrics !== null;
  const names = isRecord ? Object.keys(metrics) : [];
  if (names.length === 0 || !Object.values(metrics).every((value) => typeof value === 'number'))
    throw invalid('validate', 'a function that returns numbers by name, such as { accuracy: 0.9 }', metrics);
  const plain = Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name.replace(/^val_/, ''), value]));
  const [expected, own] = [Object.keys(raw), Object.keys(plain)];
  if (raw === metrics || (expected.length === own.length && expected.every((name) => own.includes(name)))) return plain;
  throw invalid('validate', `the same names in every call: ${expected.join(', ')}`, own);
}

/** Saves the best averages that are new. Not by their epoch: in the next fit there is an epoch of the same number. */
async function saveBests(averages: FitAverages, before: readonly BestRecord[], folder: string): Promise<void> {
  for (const best of averages.bests) {
    // A metric of the user's own may be called anything.
    const name = `best-${best.metric.replaceAll(/[^\w.-]/g, '_')}`;
    if (!before.includes(best)) await averages.saveModel(`best-${best.metric}`, `file://${folder}/${name}`);
  }
}
