// Data to validate on, in the forms that tfjs takes, and their checks.
// Measures nothing.

import type { Tensor } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import { type Dataset, nextTensorId, type Tfjs } from './backend.js';

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

/** Tells of each element which of its tensors were made since now and are in no other element so far: a data set may hand its own out again. */
export function ownTensors(tf: Tfjs): (element: unknown) => () => readonly Tensor[] {
  const first = nextTensorId(tf);
  const [once, again] = [new WeakSet<Tensor>(), new WeakSet<Tensor>()];
  return (element) => {
    const tensors = [...new Set(tensorsIn(element))];
    for (const tensor of tensors) (once.has(tensor) ? again : once).add(tensor);
    return () => tensors.filter((tensor) => tensor.id >= first && !again.has(tensor));
  };
}

function tensorsIn(value: unknown): Tensor[] {
  if (isTensor(value)) return [value];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  return Object.values(value).flatMap(tensorsIn);
}
