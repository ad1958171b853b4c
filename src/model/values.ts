// Weights as values: tensors by name or in the model's order, their check, and which of two models' are the same weight.
// Puts nothing into a model, and makes no tensors.

import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { invalid, quote } from '../base/argument.js';
import { isTensor } from '../tfjs/data.js';

/** Weights as a value: tensors by weight name, as `ema.read` gives them, or a list as `model.getWeights()` does. */
export type WeightValues = NamedTensorMap | readonly Tensor[];

/** Weights and what a message calls them. */
export interface Values {
  readonly called: string;
  /** In their order; a list has places for names. */
  readonly entries: readonly (readonly [name: string, tensor: Tensor])[];
  readonly isList: boolean;
}

/** Names that a message shows. */
const SHOWN = 3;

/** Whether an object holds tensors by name, and nothing else. */
export function isNamedWeights(value: unknown): value is NamedTensorMap {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isTensor(value)) return false;
  const values: readonly unknown[] = Object.values(value);
  return values.length > 0 && values.every((one) => isTensor(one));
}

/**
 * Checks weights.
 * @param called the argument, for the message.
 * @throws {@link EmaError} INVALID_ARGUMENT — they are no tensors, or one was disposed.
 */
export function checkValues(called: string, weights: WeightValues): Values {
  const isList = Array.isArray(weights);
  if (!(isList ? weights.length > 0 && weights.every(isTensor) : isNamedWeights(weights))) {
    const isModel = typeof weights === 'object' && weights !== null && 'getWeights' in weights;
    const fix = isModel ? 'Of a model give getWeights().' : 'ema.read(which) and model.getWeights() give such.';
    throw invalid(called, 'tensors by weight name, or a list of them', weights, fix);
  }
  const entries = Object.entries(weights);
  const gone = entries.find(([, tensor]) => tensor.isDisposed);
  if (gone !== undefined)
    throw invalid(
      called,
      'tensors that exist',
      `${quote(gone[0])}, which was disposed`,
      'Dispose weights after their last use.',
    );
  return { called, entries, isList };
}

/**
 * The same weights of another model, in the order of the first: by name; or by place, where one has no names, or it is a copy whose names
 * differ.
 * @throws {@link EmaError} INVALID_ARGUMENT — they are not the same weights: names, shapes, types.
 */
export function matched(first: Values, other: Values): readonly Tensor[] {
  const named = new Map(other.entries);
  const isByName = named.size === first.entries.length && first.entries.every(([name]) => named.has(name));
  const isByPlace = first.isList || other.isList || isCopy(first, other);
  const isWhole = first.entries.length === other.entries.length && (isByName || isByPlace);
  if (!isWhole)
    throw invalid(
      other.called,
      `the weights of ${first.called}, by name or a copy's by place`,
      differencesOf(first, other),
    );
  return first.entries.map(([name, { shape, dtype }], place) => {
    const found = isByName && !other.isList ? named.get(name) : other.entries[place]?.[1];
    if (found?.dtype === dtype && `${found.shape}` === `${shape}`) return found;
    const expected = `weight ${quote(name)} of ${dtype} [${shape.join(', ')}] as in ${first.called}`;
    throw invalid(other.called, expected, `${found?.dtype} [${found?.shape.join(', ')}]`);
  });
}

/** Whether names differ as those of a copy do: a name that both have is at the same place in both. */
function isCopy(first: Values, other: Values): boolean {
  const places = new Map(first.entries.map(([name], place) => [name, place]));
  return other.entries.every(([name], place) => (places.get(name) ?? place) === place);
}

function differencesOf(first: Values, other: Values): string {
  const only = (a: Values, b: Values): string => {
    const names = a.entries.flatMap(([name]) => (b.entries.some(([one]) => one === name) ? [] : [quote(name)]));
    return names.length === 0 ? 'none' : `${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ', ...' : ''}`;
  };
  const size = `${other.entries.length} weights, of ${first.entries.length}`;
  return `${size}; only in ${first.called}: ${only(first, other)}; only in ${other.called}: ${only(other, first)}`;
}
