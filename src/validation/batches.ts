// Validation data batch by batch: each batch is fetched once, however many candidates are measured on it.
// Measures nothing.

import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import { elementsOf, nextTensorId, type Tfjs } from '../tfjs/backend.js';
import {
  inOrder,
  isDataset,
  isTensorInput,
  sides,
  type TensorInput,
  tensorsSince,
  type ValidationData,
} from '../tfjs/data.js';

/** Inputs and targets of some samples, in the model's order. */
export interface Batch {
  readonly inputs: readonly Tensor[];
  readonly targets: readonly Tensor[];
  readonly samples: number;
}

/** A batch of a data set. */
interface Fetched extends Batch {
  /** Tensors that were made for its element. */
  readonly own: readonly Tensor[];
}

/** Data, and how much of it makes a batch. */
export interface BatchSource {
  readonly data: ValidationData;
  /** Samples per batch of tensors; a data set has its own batches. */
  readonly batchSize: number;
  /** Batches of a data set; undefined for all of them. */
  readonly batches?: number | undefined;
}

/**
 * Batches of a data set that are held at once. An average is put into the model once for all of them: for 164 small weights that takes a
 * sixth of the forward pass of a batch of 32, so a twenty-fifth with four (tfjs-node, 2 cores).
 */
const GROUP = 4;

/**
 * The data as groups of batches; a group can be gone through again and again until the next one is asked for.
 *
 * Tensors are one group, cut when needed. A data set is fetched once, a few batches at a time, and its tensors are disposed: those that the
 * model takes, as tfjs does, and of the others those that were made since the first was asked for.
 * @throws {@link EmaError} INVALID_ARGUMENT — elements of another form, or numbers of samples that do not fit each other.
 */
export async function* groupsOf(
  tf: Tfjs,
  model: LayersModel,
  { data, batchSize, batches }: BatchSource,
): AsyncGenerator<Iterable<Batch>, void, undefined> {
  if (!isDataset(data)) {
    const [xs, ys] = sides(data);
    yield slices(tf, batchOf(model, xs, ys), batchSize);
    return;
  }
  let group: Fetched[] = [];
  const first = nextTensorId(tf);
  let left = batches ?? Number.POSITIVE_INFINITY;
  try {
    for await (const element of elementsOf(data)) {
      group.push(elementBatch(tf, model, { element, own: tensorsSince(first, element) }));
      left -= 1;
      if (group.length >= GROUP || left === 0) {
        yield group;
        group = released(tf, group);
      }
      if (left === 0) return;
    }
    if (group.length > 0) yield group;
  } finally {
    released(tf, group);
  }
}

function released(tf: Tfjs, group: readonly Fetched[]): Fetched[] {
  for (const { inputs, targets, own } of group) tf.dispose([...inputs, ...targets, ...own]);
  return [];
}

function elementBatch(
  tf: Tfjs,
  model: LayersModel,
  { element, own }: { readonly element: unknown; readonly own: Fetched['own'] },
): Fetched {
  try {
    if (typeof element === 'object' && element !== null && 'xs' in element && 'ys' in element) {
      const { xs, ys } = element;
      if (isTensorInput(xs) && isTensorInput(ys)) return { ...batchOf(model, xs, ys), own };
    }
    throw invalid('validationData', 'a data set of batches { xs, ys } of tensors', element, 'Call batch() on it.');
  } catch (error) {
    tf.dispose([...own]);
    throw error;
  }
}

function batchOf(model: LayersModel, xs: TensorInput, ys: TensorInput): Batch {
  const inputs = [inOrder(xs, model.inputNames)].flat();
  const targets = [inOrder(ys, model.outputNames)].flat();
  checkCount('inputs', inputs, model.inputNames);
  checkCount('targets', targets, model.outputNames);
  const counts = [...inputs, ...targets].map(({ shape }) => shape[0] ?? 0);
  const samples = counts[0] ?? 0;
  if (counts.every((count) => count === samples)) return { inputs, targets, samples };
  throw invalid('validationData', 'as many samples in every tensor of a batch', counts);
}

function checkCount(side: string, tensors: readonly Tensor[], names: readonly string[]): void {
  if (tensors.length !== names.length)
    throw invalid('validationData', `${names.length} ${side} (${names.join(', ')})`, tensors.length);
}

function slices(tf: Tfjs, { inputs, targets, samples }: Batch, batchSize: number): Iterable<Batch> {
  return {
    *[Symbol.iterator]() {
      for (let begin = 0; begin < samples; begin += batchSize) {
        const size = Math.min(batchSize, samples - begin);
        // As tfjs does with tensors: numbers alone, such as targets [1, 0, 1], would be broadcast against outputs of shape [n, 1].
        const cut = (tensor: Tensor): Tensor => {
          const part: Tensor = tensor.slice(begin, size);
          return part.rank === 1 ? part.expandDims(1) : part;
        };
        const sides = tf.tidy(() => ({ inputs: inputs.map(cut), targets: targets.map(cut) }));
        try {
          yield { ...sides, samples: size };
        } finally {
          tf.dispose(sides);
        }
      }
    },
  };
}
