// Ways to merge weights: linear, on the sphere, and towards what was fine-tuned.
// Knows no averages: it is given tensors.

import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import type { WeightValues } from '../model/values.js';
import { linear, merged, owning } from './linear.js';

/** Nearer than this to the opposite direction, rounding of float32 would decide which way to turn. */
const OPPOSITE = 1e-4;

/**
 * A linear combination of weights, with any coefficients: `mix([[0.7, tuned], [0.3, base]])`. Differences are mixed too:
 * `mix([[1, tuned], [-1, base]])`.
 * @param terms coefficients and weights, one or more.
 * @returns new tensors by the names of the first that has names; the caller disposes them. What is no float is the first's.
 * @throws `EmaError` INVALID_ARGUMENT — a coefficient is no finite number, or the weights are not the same by name, nor by place, in shape and
 *   type.
 */
export function mix(terms: readonly (readonly [coefficient: number, weights: WeightValues])[]): NamedTensorMap {
  const isList =
    Array.isArray(terms) && terms.length > 0 && terms.every((term) => Array.isArray(term) && term.length === 2);
  if (!isList) throw invalid('terms', 'a list of pairs such as [[0.7, a], [0.3, b]]', terms);
  const coefficients = terms.map(([coefficient], index) => {
    if (Number.isFinite(coefficient)) return coefficient;
    throw invalid(`terms[${index}][0]`, 'a finite number', coefficient);
  });
  const all = terms.map(([, weights], index) => [`terms[${index}][1]`, weights] as const);
  return merged(all, (tensors) => linear(tensors.map((tensor, index) => [coefficients[index] ?? 0, tensor])));
}

/**
 * The way from weights to others at constant angular speed, each weight by itself (spherical linear interpolation): where weights differ
 * in direction, a linear mix is shorter than both. Weights that are all zero, or of opposite directions, are mixed linearly. Waits for the device.
 * @param a where `t` is 0.
 * @param b where `t` is 1.
 * @param t share of the way, from 0 to 1.
 * @returns as {@link mix}.
 * @throws `EmaError` INVALID_ARGUMENT — `t` is out of range, or as {@link mix}.
 * @see "WARP: On the Benefits of Weight Averaged Rewarded Policies", arXiv 2406.16768, which does so with differences from the start.
 */
export function slerp(a: WeightValues, b: WeightValues, t: number): NamedTensorMap {
  if (!(typeof t === 'number' && t >= 0 && t <= 1)) throw invalid('t', 'a number from 0 to 1', t);
  const all = [['a', a] as const, ['b', b] as const];
  return merged(all, (tensors) => {
    const [from, to] = tensors;
    const angle = from !== undefined && to !== undefined ? angleOf(from, to) : 0;
    const isLinear = !(angle > 0) || Math.cos(angle / 2) < OPPOSITE;
    const shares = isLinear ? [1 - t, t] : [(1 - t) * angle, t * angle].map((part) => Math.sin(part) / Math.sin(angle));
    return linear(tensors.map((tensor, index) => [shares[index] ?? 0, tensor]));
  });
}

/**
 * Weights near the centre of several fine-tuned models, from two or three of them and the model that they started from (Model Stock):
 * each weight goes from `base` towards their mean by `n c / (1 + (n - 1) c)`, with the mean cosine `c` of the angles between their
 * differences from `base`; a cosine below 0 counts as 0. Waits for the device.
 * @param base the weights before fine-tuning.
 * @param tuned weights of two or more models that were fine-tuned from it.
 * @returns as {@link mix}; names, and what is no float, are those of `base`.
 * @throws `EmaError` INVALID_ARGUMENT — fewer than two, or as {@link mix}.
 * @see "Model Stock: All we need is just a few fine-tuned models", arXiv 2403.19522.
 */
export function modelStock(base: WeightValues, tuned: readonly WeightValues[]): NamedTensorMap {
  if (!Array.isArray(tuned) || tuned.length < 2)
    throw invalid('tuned', 'a list of the weights of at least two models', tuned);
  const all = [['base', base] as const, ...tuned.map((weights, index) => [`tuned[${index}]`, weights] as const)];
  return merged(all, ([start, ...others]) => {
    if (start === undefined) throw new RangeError('no base');
    const count = others.length;
    const cosine = Math.min(1, Math.max(0, meanCosine(start, others)));
    const share = (count * cosine) / (1 + (count - 1) * cosine);
    return linear([[1 - share, start], ...others.map((tensor) => [share / count, tensor] as const)]);
  });
}

/** The angle between two tensors as vectors; 0 where one is zero or not finite. Accurate near 0 and near pi, where a cosine is not. */
function angleOf(a: Tensor, b: Tensor): number {
  const [sizeA, sizeB] = [norm(a), norm(b)];
  if (!(sizeA > 0 && sizeB > 0)) return 0;
  return owning((own) => {
    const [unitA, unitB] = [own(a.div(sizeA)), own(b.div(sizeB))];
    return 2 * Math.atan2(norm(own(unitA.sub(unitB))), norm(own(unitA.add(unitB))));
  });
}

/** Mean cosine between pairs of differences from `start`, of which a zero one has none with any: from the size of their units' sum. */
function meanCosine(start: Tensor, others: readonly Tensor[]): number {
  return owning((own) => {
    let count = 0;
    const sum = others.reduce((total: Tensor | undefined, other) => {
      const unit = unitOf(own, start, other);
      if (unit === undefined) return total;
      count += 1;
      return total === undefined ? unit : own(total.add(unit));
    }, undefined);
    const square = sum === undefined ? 0 : norm(sum) ** 2;
    return (square - count) / (others.length * (others.length - 1));
  });
}

function unitOf(own: (tensor: Tensor) => Tensor, start: Tensor, other: Tensor): Tensor | undefined {
  const difference = own(other.sub(start));
  const size = norm(difference);
  return size > 0 ? own(difference.div(size)) : undefined;
}

function norm(tensor: Tensor): number {
  return owning((own) => own(own(own(tensor.square()).sum()).sqrt()).dataSync()[0] ?? 0);
}
