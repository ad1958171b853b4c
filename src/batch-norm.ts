// What happens to BatchNorm's moving statistics: by policy, and by a pass over data.
// Averages nothing.

import type { LayersModel, NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { invalid } from './argument.js';
import type { BestWhich } from './best.js';
import type { BatchNormPolicy } from './options.js';
import type { ModelShadows } from './shadow.js';
import { type BatchNormLayer, batchNormLayers, type Dataset, forEachElement, type Tfjs } from './tfjs.js';
import { inOrder, isTensor, isTensorInput, type TensorInput } from './validation-data.js';
import type { Which } from './which.js';

/**
 * Whether moving statistics (weights that their layer declares non-trainable) are averaged with the weights.
 *
 * The paper averages them (EMAN); with `'copy'` the averaged weights run with the live statistics.
 * @see arXiv 2411.18704, section 3.4.
 */
export function averagesStatistics(policy: BatchNormPolicy): boolean {
  switch (policy) {
    case 'average':
      return true;
    case 'copy':
      return false;
    default:
      return policy satisfies never;
  }
}

/** Inputs of a model: tensors, or a data set of them or of `{ xs, ys }`. */
export type InputData = TensorInput | Dataset;

/** How BatchNorm's statistics are recomputed. */
export interface RecomputeOptions {
  /** The average. @defaultValue all of them, one pass over the data each */
  readonly which?: Exclude<Which, BestWhich>;
  /** Samples per batch of tensors, an integer of at least 1; a data set has its own batches. @defaultValue 128 */
  readonly batchSize?: number;
}

/**
 * Sets the statistics of a model's BatchNorm layers to the mean of their batches' means and variances over all of the data,
 * each batch weighing as much as it has samples. Layers run as in training, dropout included; nothing else changes.
 *
 * A layer takes `s = m * s + (1 - m) * batch`: with `m = n / (n + b)`, `n` samples before a batch of `b`, that is the plain mean.
 * @throws {@link EmaError} INVALID_ARGUMENT — the model has no BatchNorm, or there is no data.
 */
export async function recomputeStatistics(
  tf: Tfjs,
  model: LayersModel,
  { data, batchSize = 128 }: { readonly data: InputData; readonly batchSize?: number | undefined },
): Promise<void> {
  const layers = batchNormLayers(model);
  if (layers.length === 0) throw invalid('model', 'BatchNorm layers', 'a model without any');
  const momenta = layers.map(({ momentum }) => momentum);
  let seen = 0;
  try {
    await forEachBatch(data, batchSize, (batch) => {
      const inputs = inOrder(batch, model.inputNames, 'data');
      const samples = (Array.isArray(inputs) ? inputs[0] : inputs)?.shape[0] ?? 0;
      if (samples === 0) return;
      if (seen === 0) reset(tf, layers);
      for (const layer of layers) layer.momentum = seen / (seen + samples);
      seen += samples;
      tf.tidy(() => void model.apply(inputs, { training: true }));
    });
  } finally {
    layers.forEach((layer, index) => {
      layer.momentum = momenta[index] ?? layer.momentum;
    });
  }
  if (seen === 0) throw invalid('data', 'at least one sample', 'none');
}

/**
 * Gives an average the statistics that its weights have on the data: a pass with it in the weights' place, and what that writes there is
 * the average's, not the model's.
 * @throws {@link EmaError} INVALID_ARGUMENT — as {@link recomputeStatistics}; the average is as before.
 */
export async function recomputeAverage(
  tf: Tfjs,
  shadow: ModelShadows,
  { index, ...pass }: { readonly index: number; readonly data: InputData; readonly batchSize: number | undefined },
): Promise<void> {
  const swap = shadow.swapIn(index);
  let statistics: NamedTensorMap = {};
  try {
    await recomputeStatistics(tf, shadow.model, pass).finally(() => {
      statistics = swap.restore().overwritten;
    });
    shadow.patch(index, statistics);
  } finally {
    tf.dispose(statistics);
  }
}

/** What stood there before must not even round what comes, and NaN would stay for ever. */
function reset(tf: Tfjs, layers: readonly BatchNormLayer[]): void {
  tf.tidy(() => {
    for (const { movingMean, movingVariance } of layers) {
      for (const statistic of [movingMean, movingVariance]) statistic.write(tf.zeros(statistic.read().shape));
    }
  });
}

async function forEachBatch(data: InputData, batchSize: number, run: (batch: TensorInput) => void): Promise<void> {
  if (isStream(data)) {
    await forEachElement(data, (element) => run(inputsOf(element)));
    return;
  }
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw invalid('batchSize', 'an integer of at least 1', batchSize);
  const samples = (isTensor(data) ? data : Object.values(data)[0])?.shape[0] ?? 0;
  for (let begin = 0; begin < samples; begin += batchSize) {
    const size = Math.min(batchSize, samples - begin);
    const slices: Tensor[] = [];
    const slice = (tensor: Tensor): Tensor => {
      const part = tensor.slice(begin, size);
      slices.push(part);
      return part;
    };
    try {
      run(mapped(data, slice));
    } finally {
      for (const part of slices) part.dispose();
    }
  }
}

function mapped(input: TensorInput, slice: (tensor: Tensor) => Tensor): TensorInput {
  if (isTensor(input)) return slice(input);
  if (Array.isArray(input)) return input.map(slice);
  return Object.fromEntries(Object.entries(input).map(([name, tensor]) => [name, slice(tensor)]));
}

function isStream(data: InputData): data is Dataset {
  return typeof data === 'object' && data !== null && 'forEachAsync' in data && typeof data.forEachAsync === 'function';
}

function inputsOf(element: unknown): TensorInput {
  const xs = typeof element === 'object' && element !== null && 'xs' in element ? element.xs : element;
  if (isTensorInput(xs)) return xs;
  throw invalid('data', 'a data set of tensors, or of { xs, ys }', element);
}
