// One average of a file as its program would hand it out: found by name, with the steps that are pending where the weights are there.
// Needs no tfjs: the values are those of the file, or moved once more in JavaScript.

import { EmaError, messageOf } from '../base/errors.js';
import type { StoredTensor } from '../disk/safetensors.js';
import { AlphaSpread } from '../model/alpha-spread.js';
import { withRules } from '../options/layer-decays.js';
import { Schedule } from '../schedule/schedule.js';
import type { BestRecord } from '../validation/bests.js';
import { NOT_AVERAGED, type Saved } from './saved.js';
import { fma, lerp } from './self-test.js';

/** Tensors by weight name. */
export type Named = ReadonlyMap<string, StoredTensor>;

/** An average that was found. */
export interface FoundAverage {
  readonly index: number;
  readonly label: string;
  /** Of a best one. */
  readonly record: BestRecord | undefined;
  /** By weight name; weights that are not averaged only where it is a best one. */
  readonly values: Named;
  /** Steps that are not in it: the weights that they led to are not in the file or not finite, or what they mean is said by a function. */
  readonly pending: number;
}

/**
 * Finds one average.
 * @param which its name as `inspect` prints it, `@0` for its place, `current`, `best` or `best-loss`.
 * @param live the model's weights by name, where they are known.
 * @throws {@link EmaError} INVALID_ARGUMENT — there is none of this name. CHECKPOINT — the file has not all of its values.
 */
export function findAverage(saved: Saved, which: string, live: Named | undefined): FoundAverage {
  const { labels, standing, bests } = saved;
  const metric = which === 'best' ? standing.monitor : /^best-(.+)$/s.exec(which)?.[1];
  const best = bests.find(({ record }) => record.metric === metric && metric !== undefined);
  if (best?.tensors !== undefined) {
    const { record } = best;
    const values = valuesUnder(saved, `best.${record.metric}/`);
    return { index: record.index, label: labels[record.index] ?? '', record, values, pending: 0 };
  }
  const index = placeOf(saved, which);
  const label = labels[index];
  if (label === undefined) throw noSuch(saved, which);
  const values = valuesUnder(saved, `average.${index}/`);
  const absent = Object.entries(saved.weights).find(
    ([name, text]) => !text.endsWith(NOT_AVERAGED) && !values.has(name),
  );
  if (absent !== undefined)
    throw new EmaError(
      'CHECKPOINT',
      `${saved.path}: expected tensor 'average.${index}/${absent[0]}', which is not there.`,
    );
  const { warmup, profiles } = saved.options;
  const isDecided = typeof warmup === 'function' || typeof profiles[index] === 'function';
  if (live === undefined || standing.pending === 0 || isDecided || !areFinite(values, live))
    return { index, label, record: undefined, values, pending: standing.pending };
  return { index, label, record: undefined, values: moved(saved, index, { values, live }), pending: 0 };
}

function placeOf({ labels, standing }: Saved, which: string): number {
  if (which === 'current' && standing.current !== undefined) return standing.current;
  // As in the program: the only average is the best one of those that nobody measured.
  if (which === 'current' || (which === 'best' && standing.monitor === undefined)) return labels.length === 1 ? 0 : -1;
  const place = labels.indexOf(which);
  return place >= 0 ? place : Number(/^@(\d+)$/.exec(which)?.[1] ?? -1);
}

function noSuch({ path, labels, bests }: Saved, which: string): EmaError {
  const kept = bests.flatMap(({ record, tensors }) => (tensors === undefined ? [] : [`best-${record.metric}`]));
  const places = labels.length === 1 ? '@0' : `@0 to @${labels.length - 1}`;
  const names = [...labels, ...kept].join(', ');
  return new EmaError(
    'INVALID_ARGUMENT',
    `${path}: expected one of the averages ${names}, or a place, ${places}; received '${which}'. ` +
      'best is that of the monitored metric, where its weights were saved.',
  );
}

/** By weight name. Not all that begins so: the best by `loss/a` has names that begin like those of the best by `loss`. */
function valuesUnder({ content, weights }: Saved, prefix: string): Named {
  const named = Object.keys(weights).map((name) => [name, content.tensors.get(`${prefix}${name}`)] as const);
  return new Map(named.filter((one): one is readonly [string, StoredTensor] => one[1] !== undefined));
}

/** Whether an update would be made of these weights, whatever `nonFinite` says, which no file does. */
function areFinite(values: Named, live: Named): boolean {
  return [...values.keys()].every((name) => live.get(name)?.data.every(Number.isFinite) ?? true);
}

/** The average as an update of the pending steps would leave it: what its program gives to who reads it. */
function moved(saved: Saved, index: number, { values, live }: Readonly<Record<'values' | 'live', Named>>): Named {
  const alphas = alphasOf(saved, [...values.keys()]);
  const { length } = saved.labels;
  const low = valuesUnder(saved, `average.${index}.low/`);
  const isSpread = alphas.length > length;
  return new Map(
    [...values].map(([name, tensor], weight) => {
      const alpha = Math.fround(alphas[(isSpread ? weight * length : 0) + index] ?? 0);
      const [shadow, target, rest] = [tensor.data, live.get(name)?.data ?? tensor.data, low.get(name)?.data];
      const value = (_: number, i: number): number => {
        const [from, to] = [shadow[i] ?? 0, target[i] ?? 0];
        return rest === undefined ? lerp(from, to, alpha) : lerpCompensated([from, rest[i] ?? 0], to, alpha);
      };
      const data = Float32Array.from({ length: shadow.length }, value);
      return [name, { dtype: 'F32', shape: tensor.shape, data }];
    }),
  );
}

/** One per average, or with rules for layers as many for each weight. */
function alphasOf({ path, options, standing, begun }: Saved, names: readonly string[]): readonly number[] {
  const { layerRules, decays } = options;
  try {
    const schedule = new Schedule({ ...options, ...withRules(options, layerRules) });
    for (const [place, step] of begun) schedule.begin(place, step);
    // Asks no function: another average's is not needed here.
    const alphas = schedule.foreseen(standing.steps - standing.pending, standing.pending);
    return new AlphaSpread(names, layerRules, decays.length).of(alphas);
  } catch (cause) {
    throw new EmaError('CHECKPOINT', `${path}: ${messageOf(cause)}`, { cause });
  }
}

/** `LerpCompensated` of native/lerp.h: the first part of a shadow that is kept as the sum of two. */
function lerpCompensated([high, low]: readonly [number, number], weight: number, alpha: number): number {
  if (alpha === 1) return weight;
  if (alpha === 0) return high;
  const difference = Math.fround(Math.fround(weight - high) - low);
  return Math.fround(high + fma(alpha, difference, low));
}
