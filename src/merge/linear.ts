// Weights put together, weight by weight: what every way of merging does, and linear combinations.
// Finds no coefficients.

import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { checkValues, matched, type Values, type WeightValues } from '../model/values.js';

/** A coefficient and a tensor. */
export type Term = readonly [coefficient: number, tensor: Tensor];

/**
 * New weights, one after the other: no more than one weight's temporaries exist at once, and none after a failure.
 * @param all the first has the names where it has any, and the weights that are no floats.
 * @param merge makes one weight from those of all.
 */
export function merged(
  all: readonly (readonly [called: string, weights: WeightValues])[],
  merge: (tensors: readonly Tensor[]) => Tensor,
): NamedTensorMap {
  const values = all.map(([called, weights]) => checkValues(called, weights));
  const [first = { called: '', entries: [], isList: true }] = values;
  const lists = values.map((one) => (one === first ? first.entries.map(([, tensor]) => tensor) : matched(first, one)));
  const result: NamedTensorMap = {};
  try {
    namesOf(first, values).forEach((name, place) => {
      const tensors = lists.flatMap((list) => list[place] ?? []);
      const [own] = tensors;
      if (own !== undefined) result[name] = own.dtype === 'float32' ? merge(tensors) : own.clone();
    });
  } catch (error) {
    for (const tensor of Object.values(result)) tensor.dispose();
    throw error;
  }
  return result;
}

/** Runs `make`, and disposes what it owns and does not return. */
export function owning<T>(make: (own: (tensor: Tensor) => Tensor) => T): T {
  const made: Tensor[] = [];
  let result: T | undefined;
  try {
    result = make((tensor) => {
      made.push(tensor);
      return tensor;
    });
    return result;
  } finally {
    for (const tensor of made) if (tensor !== result) tensor.dispose();
  }
}

/**
 * The sum of coefficients times tensors, as `s * base + sum of c * (tensor - base)` with the sum `s` of the coefficients: exact where
 * tensors agree and coefficients add up to 1, whatever they are.
 */
export function linear(terms: readonly Term[]): Tensor {
  const sizes = terms.map(([coefficient]) => Math.abs(coefficient));
  const place = sizes.indexOf(Math.max(...sizes));
  const [, base] = terms[place] ?? [];
  if (base === undefined) throw new RangeError('a sum of nothing');
  const sum = terms.reduce((total, [coefficient]) => total + coefficient, 0);
  let value = Math.fround(sum) === 1 ? base.clone() : base.mul(sum);
  try {
    terms.forEach(([coefficient, tensor], index) => {
      if (index === place || coefficient === 0) return;
      const before = value;
      value = owning((own) => before.add(own(own(tensor.sub(base)).mul(coefficient))));
      before.dispose();
    });
  } catch (error) {
    value.dispose();
    throw error;
  }
  return value;
}

/** Those of the first that has any. */
function namesOf(first: Values, values: readonly Values[]): readonly string[] {
  const named = first.isList ? (values.find(({ isList }) => !isList) ?? first) : first;
  return named.entries.map(([name]) => name);
}
