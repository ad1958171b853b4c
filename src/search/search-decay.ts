// The best decay between the tracked ones, searched on validation data after training: no other run, no snapshots.
// Combines no averages itself.

import type { LayersModel } from '@tensorflow/tfjs';
import { checkNames, invalid, oneOf, positiveInteger } from '../base/argument.js';
import type { SynthesizedWhich, Which } from '../schedule/which.js';
import type { Tfjs } from '../tfjs/backend.js';
import { checkValidationData, type ValidationData } from '../tfjs/data.js';
import { type MeasuredAverages, measure } from '../validation/measure.js';
import { metricNames, type Reading } from '../validation/meter.js';
import { pairedTest } from '../validation/paired-test.js';
import { bestIndex, directionOf, type Metrics, MODES, type Mode, metricOf } from '../validation/selection.js';
import { type Place, type Scale, scaleOf, type TrackedShapes } from './scale.js';

/** What a search for a decay needs. */
export interface DecaySearch {
  /** Data to judge by; it is gone through twice. Not the data of the final test. */
  readonly data: ValidationData;
  /** What is searched for: the loss or a metric of the model, with or without `val_` before its name. @defaultValue `'val_loss'` */
  readonly monitor?: string;
  /** Whether smaller or larger is better; `'auto'`: by the metric's name. @defaultValue `'auto'` */
  readonly mode?: Mode;
  /** Decays, or widths, tried from the smallest tracked one to the largest, those two included: an integer of at least 4. @defaultValue 16 */
  readonly trials?: number;
  /** Samples per batch of tensors, an integer of at least 1; a data set has its own batches. @defaultValue 32 */
  readonly batchSize?: number;
}

const NAMES: readonly string[] = [
  'data',
  'monitor',
  'mode',
  'trials',
  'batchSize',
] satisfies readonly (keyof DecaySearch)[];

/** One average and what was measured of it. */
export interface TriedDecay {
  /** Its name, for `use`, `saveModel` and the rest. */
  readonly which: SynthesizedWhich | { readonly index: number };
  /** 1 where it is not exponential. */
  readonly decay: number;
  /** In steps; Infinity where it is not exponential. */
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
  /** Everything that was measured, from the shortest memory to the longest. */
  readonly curve: readonly TriedDecay[];
}

/** A search once the model is known. */
export interface ModelSearch {
  readonly search: DecaySearch;
  readonly model: LayersModel;
  readonly averages: TrackedShapes;
  /** How far off a combination can be. */
  readonly boundOf: (wanted: SynthesizedWhich['synthesized']) => number;
}

interface Stage {
  readonly tf: Tfjs;
  readonly ema: MeasuredAverages;
  readonly model: LayersModel;
  readonly scale: Scale;
  readonly search: Required<Omit<DecaySearch, 'monitor'>> & { readonly metric: string };
}

/** One average with all that was read of it. */
interface Tried extends Reading, Place {}

/**
 * Searches in two passes over the data: averages whose memories are evenly spaced on a logarithmic scale, with the tracked ones; then
 * between the neighbours of the best, with the best itself and the best tracked one again, so that these are compared sample by sample.
 *
 * A grid, not a line search that halves: all candidates of a pass share its batches, and a validation curve has small bumps.
 * @throws `EmaError` INVALID_ARGUMENT — an option is wrong, or fewer than two different averages of a kind are tracked.
 */
export async function searchAmong(
  tf: Tfjs,
  ema: MeasuredAverages,
  { model, averages, boundOf, search: options }: ModelSearch,
): Promise<SearchedDecay> {
  const stage = { tf, ema, model, search: checked(model, options), scale: scaleOf(averages) };
  const { search, scale } = stage;
  const { trials } = search;
  const places = scale.tracked.map(({ at }) => at);
  const ends = [Math.min(...places), Math.max(...places)] as const;
  const coarse = Math.ceil(trials / 2);
  const first = await tryAll(stage, [...scale.tracked, ...scale.between(...ends, coarse - 2)]);
  const [best, own] = [bestOf(first, search), bestOf(trackedOf(first), search)];
  const place = first.indexOf(best);
  const near = [first[place - 1] ?? best, first[place + 1] ?? best] as const;
  const finer = scale.between(near[0].at, near[1].at, trials - coarse);
  const second = await tryAll(stage, [best, own, ...finer]);
  const curve = inOrder([...first.filter(({ at }) => !second.some((one) => one.at === at)), ...second]);
  return result(stage, { second, own: own.at, curve, boundOf });
}

function result(
  { scale, search: { metric }, search }: Stage,
  found: Pick<ModelSearch, 'boundOf'> & {
    readonly second: readonly Tried[];
    readonly own: number;
    readonly curve: readonly Tried[];
  },
): SearchedDecay {
  const { second } = found;
  const best = bestOf(second, search);
  const own = bestOf(
    second.filter(({ at }) => at === found.own),
    search,
  );
  const shown = (one: Tried): TriedDecay => ({
    which: whichOf(scale, one),
    ...scale.decayAt(one.at),
    value: one.metrics[metric] ?? Number.NaN,
  });
  return {
    ...shown(best),
    metric,
    bound: best.index === undefined ? found.boundOf(scale.wantedAt(best.at)) : 0,
    tracked: { ...shown(own), index: own.index ?? Number.NaN },
    isTied: tied(best.scores[metric], own.scores[metric]),
    curve: found.curve.map(shown),
  };
}

function whichOf(scale: Scale, { at, index }: Place): TriedDecay['which'] {
  return index === undefined ? { synthesized: scale.wantedAt(at) } : { index };
}

function checked(model: LayersModel, options: DecaySearch): Stage['search'] {
  checkNames(options, NAMES);
  const { data, monitor = 'val_loss', mode = 'auto', trials = 16, batchSize = 32 } = options;
  const [metric, names] = [metricOf(`${monitor}`), metricNames(model)];
  if (!names.includes(metric))
    throw invalid('monitor', `one of ${names.map((name) => `val_${name}`).join(', ')}`, monitor);
  if (checkValidationData(data) === undefined) throw invalid('data', '[x, y] or a tf.data.Dataset', data);
  if (positiveInteger('trials', trials) < 4) throw invalid('trials', 'an integer of at least 4', trials);
  return {
    data,
    mode: oneOf('mode', mode, MODES),
    metric,
    trials,
    batchSize: positiveInteger('batchSize', batchSize),
  };
}

/** Each place once: the first that is named. */
async function tryAll({ tf, ema, model, scale, search }: Stage, wanted: readonly Place[]): Promise<Tried[]> {
  const { data, batchSize, metric } = search;
  const once = wanted.filter(({ at }, index) => wanted.findIndex((one) => one.at === at) === index);
  const places = inOrder(once);
  const candidates: readonly Which[] = places.map((place) => whichOf(scale, place));
  const readings = await measure(tf, ema, { model, data, batchSize, candidates, scored: [metric] });
  return places.flatMap(({ at, index }, place) => {
    const reading = readings[place];
    if (reading === undefined) return [];
    return [{ ...reading, at, ...(index === undefined ? {} : { index }) }];
  });
}

function bestOf(tried: readonly Tried[], { metric, mode }: Stage['search']): Tried {
  const metrics: readonly Metrics[] = tried.map((one) => one.metrics);
  const places = tried.map(({ at }) => at);
  const index = bestIndex(metrics, places, { metric, direction: directionOf(metric, mode) });
  const best = index === undefined ? undefined : tried[index];
  if (best !== undefined) return best;
  throw invalid('data', `data on which some average has a ${metric} that is a number`, Number.NaN);
}

function trackedOf(tried: readonly Tried[]): readonly Tried[] {
  return tried.filter(({ index }) => index !== undefined);
}

function inOrder<T extends Place>(places: readonly T[]): readonly T[] {
  return [...places].sort((a, b) => a.at - b.at);
}

function tied(best: Float32Array | undefined, own: Float32Array | undefined): boolean | undefined {
  if (best?.every(Number.isFinite) !== true || own?.every(Number.isFinite) !== true) return undefined;
  return !pairedTest(best, own).differs;
}
