// The best decay between the tracked ones, searched on validation data after training: no other run, no snapshots.
// Combines no averages itself.

import type { LayersModel } from '@tensorflow/tfjs';
import { invalid, oneOf, positiveInteger } from '../base/argument.js';
import { halfLifeOf } from '../schedule/decay.js';
import type { Tfjs } from '../tfjs/backend.js';
import { checkValidationData, type ValidationData } from '../tfjs/data.js';
import { type MeasuredAverages, measure } from '../validation/measure.js';
import { metricNames, type Reading } from '../validation/meter.js';
import { pairedTest } from '../validation/paired-test.js';
import { bestIndex, directionOf, type Metrics, MODES, type Mode } from '../validation/selection.js';

/** What a search for a decay needs. */
export interface DecaySearch {
  /** Data to judge by; it is gone through twice. Not the data of the final test. */
  readonly data: ValidationData;
  /** What is searched for: `'val_loss'` or `'val_'` and a metric of the model. @defaultValue `'val_loss'` */
  readonly monitor?: string;
  /** Whether smaller or larger is better; `'auto'`: by the metric's name. @defaultValue `'auto'` */
  readonly mode?: Mode;
  /** Decays tried from the smallest tracked one to the largest, those two included: an integer of at least 4. @defaultValue 16 */
  readonly trials?: number;
  /** Samples per batch of tensors, an integer of at least 1; a data set has its own batches. @defaultValue 32 */
  readonly batchSize?: number;
}

/** Averages between which a decay is searched: a `WeightEma`. */
export interface SearchedAverages extends MeasuredAverages {
  /** Per step, in the order of the averages. */
  readonly decays: readonly number[];
}

/** One decay and what was measured of its average. */
export interface TriedDecay {
  readonly decay: number;
  /** In steps. */
  readonly halfLife: number;
  /** The monitored metric. */
  readonly value: number;
}

/** What a search found. */
export interface SearchedDecay extends TriedDecay {
  /** The metric, without `val_`. */
  readonly metric: string;
  /** How far off the combination can be, as in `synthesize`. */
  readonly bound: number;
  /** The best of the tracked averages, on the same data. */
  readonly tracked: TriedDecay & { readonly index: number };
  /**
   * Whether the data cannot tell it apart from that one: then the tracked average is the better choice. Undefined where the metric has
   * no value per sample. The best of many is flattered by its choice, so that even `false` is no proof.
   */
  readonly isTied: boolean | undefined;
  /** Everything that was measured, from the smallest decay to the largest. */
  readonly curve: readonly TriedDecay[];
}

/** A search once the model is known. */
export interface ModelSearch extends DecaySearch {
  readonly model: LayersModel;
  /** How far off the combination for a decay can be. */
  readonly boundOf: (decay: number) => number;
}

interface Stage {
  readonly tf: Tfjs;
  readonly ema: SearchedAverages;
  readonly model: LayersModel;
  readonly search: Required<Omit<DecaySearch, 'monitor'>> & { readonly metric: string };
}

/** One decay with all that was read of it. */
interface Tried extends Reading {
  readonly decay: number;
}

/**
 * Searches in two passes over the data: decays whose windows are evenly spaced on a logarithmic scale, with the tracked ones; then
 * between the neighbours of the best, with the best itself and the best tracked one again, so that these are compared sample by sample.
 *
 * A grid, not a line search that halves: all decays of a pass share its batches, and a validation curve has small bumps.
 * @throws `EmaError` INVALID_ARGUMENT — an option is wrong, or fewer than two different decays are tracked.
 */
export async function searchAmong(
  tf: Tfjs,
  ema: SearchedAverages,
  { model, boundOf, ...options }: ModelSearch,
): Promise<SearchedDecay> {
  const stage = { tf, ema, model, search: checked(model, options) };
  const { search } = stage;
  const { trials } = search;
  const tracked = trackedDecays(ema.decays);
  const ends = [Math.min(...tracked), Math.max(...tracked)] as const;
  const coarse = Math.ceil(trials / 2);
  const first = await tryAll(stage, [...tracked, ...between(ends, coarse - 2), ...ends]);
  const [best, own] = [bestOf(first, search), bestOf(among(first, tracked), search)];
  const place = first.indexOf(best);
  const near = [first[place - 1] ?? best, first[place + 1] ?? best] as const;
  const finer = between([near[0].decay, near[1].decay], trials - coarse);
  const second = await tryAll(stage, [...finer, best.decay, own.decay]);
  const curve = inOrder([...first.filter(({ decay }) => !among(second, [decay]).length), ...second]);
  return result(ema.decays, { second, own: own.decay, curve, search, boundOf });
}

function result(
  decays: readonly number[],
  found: Pick<ModelSearch, 'boundOf'> & {
    readonly second: readonly Tried[];
    readonly own: number;
    readonly curve: readonly Tried[];
    readonly search: Stage['search'];
  },
): SearchedDecay {
  const { second, search } = found;
  const { metric } = search;
  const best = bestOf(second, search);
  const own = bestOf(among(second, [found.own]), search);
  const shown = ({ decay, metrics }: Tried): TriedDecay => ({
    decay,
    halfLife: halfLifeOf(decay),
    value: metrics[metric] ?? Number.NaN,
  });
  return {
    ...shown(best),
    metric,
    bound: found.boundOf(best.decay),
    tracked: { ...shown(own), index: decays.indexOf(own.decay) },
    isTied: tied(best.scores[metric], own.scores[metric]),
    curve: found.curve.map(shown),
  };
}

function checked(model: LayersModel, options: DecaySearch): Stage['search'] {
  const { data, monitor = 'val_loss', mode = 'auto', trials = 16, batchSize = 32 } = options;
  const names = metricNames(model).map((name) => `val_${name}`);
  if (!names.includes(monitor)) throw invalid('monitor', `one of ${names.join(', ')}`, monitor);
  if (checkValidationData(data) === undefined) throw invalid('data', '[x, y] or a tf.data.Dataset', data);
  if (positiveInteger('trials', trials) < 4) throw invalid('trials', 'an integer of at least 4', trials);
  return {
    data,
    mode: oneOf('mode', mode, MODES),
    metric: monitor.slice('val_'.length),
    trials,
    batchSize: positiveInteger('batchSize', batchSize),
  };
}

/** Decay 1 never moves, and stands for averages that are not exponential: neither can be combined. */
function trackedDecays(decays: readonly number[]): readonly number[] {
  const tracked = decays.filter((decay) => decay < 1);
  if (new Set(tracked).size >= 2) return tracked;
  throw invalid('decays', 'at least two tracked decays, to search between', decays, 'Track more in the next run.');
}

/** Decays strictly between two, evenly spaced in the logarithm of the window `1 / (1 - decay)`. */
function between([low, high]: readonly [number, number], count: number): number[] {
  const [from, to] = [Math.log1p(-low), Math.log1p(-high)];
  return Array.from({ length: count }, (_, index) => {
    const decay = -Math.expm1(from + ((to - from) * (index + 1)) / (count + 1));
    return Math.min(high, Math.max(low, decay));
  });
}

async function tryAll({ tf, ema, model, search }: Stage, wanted: readonly number[]): Promise<Tried[]> {
  const { data, batchSize, metric } = search;
  const decays = [...new Set(wanted)].sort((a, b) => a - b);
  const candidates = decays.map((decay) => ({ synthesized: decay }));
  const readings = await measure(tf, ema, { model, data, batchSize, candidates, scored: [metric] });
  return decays.flatMap((decay, index) => {
    const reading = readings[index];
    return reading === undefined ? [] : [{ ...reading, decay }];
  });
}

function bestOf(tried: readonly Tried[], { metric, mode }: Stage['search']): Tried {
  const metrics: readonly Metrics[] = tried.map((one) => one.metrics);
  const decays = tried.map(({ decay }) => decay);
  const index = bestIndex(metrics, decays, { metric, direction: directionOf(metric, mode) });
  const best = index === undefined ? undefined : tried[index];
  if (best !== undefined) return best;
  throw invalid('data', `data on which some average has a ${metric} that is a number`, Number.NaN);
}

function among(tried: readonly Tried[], decays: readonly number[]): readonly Tried[] {
  return tried.filter(({ decay }) => decays.includes(decay));
}

function inOrder(tried: readonly Tried[]): readonly Tried[] {
  return [...tried].sort((a, b) => a.decay - b.decay);
}

function tied(best: Float32Array | undefined, own: Float32Array | undefined): boolean | undefined {
  if (best?.every(Number.isFinite) !== true || own?.every(Number.isFinite) !== true) return undefined;
  return !pairedTest(best, own).differs;
}
