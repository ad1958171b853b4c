// Data to validate on, in the forms that tfjs takes, and their checks.
// Measures nothing.

import type { Tensor } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import type { Dataset } from './backend.js';

/** Tensors of one side of a data set: one, a list in the model's order, or a record by input or output name. */
export type TensorInput = Tensor | Tensor[] | { [name: string]: Tensor };

/** Validation tensors: inputs and targets. */
export type ValidationTensors =
  | readonly [x: TensorInput, y: TensorInput]
  | { readonly xs: TensorInput; readonly ys: TensorInput };

/** Data on which averages are compared: what `model.evaluate` or `model.evaluateDataset` takes. */
export type ValidationData = ValidationTensors | Dataset;

/**
 * Checks the option `validationData`.
 * @throws {@link EmaError} INVALID_ARGUMENT — it is no data, or empty.
 */
export function checkValidationData(data: ValidationData | undefined): ValidationData | undefined {
  if (data === undefined || isDataset(data)) return data;
  const [xs, ys] = isObject(data) && !(Array.isArray(data) && data.length !== 2) ? sides(data) : [];
  const [inputs, targets] = [samples(xs), samples(ys)];
  if (inputs === undefined || targets === undefined) {
    throw invalid('validationData', '[x, y] or { xs, ys } of tensors, or a tf.data.Dataset', data);
  }
  if (inputs > 0 && targets > 0) return data;
  throw invalid('validationData', 'at least one sample', 'none', 'Leave it out to train without validation.');
}

/** Whether the data is a stream of batches rather than tensors. */
export function isDataset(data: TensorInput | ValidationData): data is Dataset {
  return isObject(data) && 'iterator' in data && typeof data.iterator === 'function';
}

/** Inputs and targets of validation tensors. */
export function sides(data: ValidationTensors): [TensorInput, TensorInput] {
  return 'xs' in data ? [data.xs, data.ys] : [data[0], data[1]];
}

/** Samples in one side of a data set; undefined when it holds no tensors. */
function samples(input: unknown): number | undefined {
  if (isTensor(input)) return input.shape[0] ?? 0;
  const tensors = isObject(input) ? Object.values(input) : [undefined];
  if (!tensors.every(isTensor)) return undefined;
  return tensors[0]?.shape[0] ?? 0;
}

/** Whether a value is one side of a data set: tensors only. */
export function isTensorInput(input: unknown): input is TensorInput {
  return samples(input) !== undefined;
}

/** Whether one side of a data set is a single tensor. */
export function isTensor(input: unknown): input is Tensor {
  return isObject(input) && 'dataId' in input && 'shape' in input;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Tensors by name in the model's order, which is all that the types of `model.evaluate` take. */
export function inOrder(input: TensorInput, names: readonly string[], option = 'validationData'): Tensor | Tensor[] {
  if (Array.isArray(input) || isTensor(input)) return input;
  return names.map((name) => {
    const tensor = input[name];
    if (tensor === undefined) throw invalid(option, `tensors named ${names.join(', ')}`, Object.keys(input));
    return tensor;
  });
}

/**
 * Tensors in an element of a data set that were made since a moment, `nextTensorId` of then: what the data set made for this pass, and not
 * what it keeps and hands out again.
 */
export function tensorsSince(first: number, element: unknown): Tensor[] {
  return [...reachable(element)].filter(isTensor).filter(({ id }) => id >= first);
}

/** Everything in a value, to any depth, but for what a layer keeps: who gets the model does not take its states. */
export function reachable(value: unknown, found: Set<unknown> = new Set()): ReadonlySet<unknown> {
  if (typeof value !== 'object' || value === null || found.has(value) || 'inboundNodes' in value) return found;
  found.add(value);
  // A tensor holds no others, and an array of numbers none at all.
  if (!isTensor(value) && !ArrayBuffer.isView(value)) for (const inner of Object.values(value)) reachable(inner, found);
  return found;
}
