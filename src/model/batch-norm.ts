// Recomputing BatchNorm's moving statistics by a pass over data.
// Averages nothing.

import type { LayersModel, LayerVariable, Tensor, Variable } from '@tensorflow/tfjs';
import { checkNames, invalid, positiveInteger, quote } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import type { TrackedWhich } from '../schedule/which.js';
import {
  type BatchNormLayer,
  batchNormLayers,
  type Dataset,
  elementsOf,
  isAlive,
  nextTensorId,
  type Tfjs,
  variableOf,
} from '../tfjs/backend.js';
import { inOrder, isDataset, isTensor, isTensorInput, type TensorInput, tensorsSince } from '../tfjs/data.js';
import { States } from '../tfjs/states.js';
import { isLayersModel } from './variables.js';
import type { Weight } from './weights.js';

/** Inputs of a model: tensors, or a data set of them or of `{ xs, ys }`. */
export type InputData = TensorInput | Dataset;

/** How BatchNorm's statistics are recomputed. */
export interface RecomputeOptions {
  /** The average. @defaultValue all of them, one pass over the data each */
  readonly which?: TrackedWhich;
  /** Samples per batch of tensors, an integer of at least 1; a data set has its own batches. @defaultValue 128 */
  readonly batchSize?: number;
}

/** What a model's BatchNorm statistics are recomputed from. */
export interface RecomputeData {
  /** Inputs of the model, such as the training data. */
  readonly data: InputData;
  /** Samples per batch of tensors, an integer of at least 1; a data set has its own batches. @defaultValue 128 */
  readonly batchSize?: number | undefined;
}

/** Layers whose statistics are being recomputed. */
const atWork = new WeakSet<BatchNormLayer>();

/**
 * Sets the statistics of a model's BatchNorm layers to the mean of their batches' means and variances over all of the data,
 * each batch weighing as much as it has samples: for weights that were put into the model, such as a restored best average.
 * Layers run as in training, dropout included; nothing else changes, states of recurrent layers and weights that other layers write
 * included. Where the pass fails, the statistics are as before, to the bit. For a tracked average, `ema.recomputeBatchNorm` is safer.
 * @param tf the tfjs that the model is made with.
 * @param model its statistics are overwritten; the pass takes no gradient.
 * @throws {@link EmaError} INVALID_ARGUMENT — the model has no BatchNorm, or there is no data; or another call recomputes it now.
 * @see the last step of stochastic weight averaging, arXiv 1803.05407, section 3.2.
 */
export async function recomputeBatchNorm(tf: Tfjs, model: LayersModel, options: RecomputeData): Promise<void> {
  checkNames(options, ['data', 'batchSize'] satisfies (keyof RecomputeData)[]);
  const { data, batchSize = 128 } = options;
  if (!isLayersModel(tf, model)) throw invalid('model', 'a tf.LayersModel', model);
  const layers = batchNormLayers(model);
  if (layers.length === 0) throw invalid('model', 'BatchNorm layers', 'a model without any');
  // The second of two at once would give the layers back what the first has made of them, for good.
  if (layers.some((layer) => atWork.has(layer)))
    throw invalid('model', 'one that no other call recomputes now', `'${model.name}'`, 'Await that call first.');
  const statistics = statisticsOf(layers).flatMap((weight) => variableOf(weight) ?? []);
  const states = new States(tf, model, statistics);
  const before = new Map<Variable, Tensor>();
  const undo: (() => void)[] = [];
  for (const layer of layers) atWork.add(layer);
  try {
    for (const variable of statistics) before.set(variable, tf.keep(variable.clone()));
    await forEachBatch(tf, { data, batchSize: positiveInteger('batchSize', batchSize) }, (batch) => {
      const inputs = inOrder(batch, model.inputNames, 'data');
      if (sampleCount(inputs) === 0) return;
      // One by one: if the second fails, the first is to be undone.
      if (undo.length === 0) for (const layer of layers) undo.push(takePlainMean(tf, layer));
      states.run(() => tf.tidy(() => void model.apply(inputs, { training: true })));
    });
  } catch (error) {
    for (const [variable, value] of before) if (isAlive(tf, variable)) variable.assign(value);
    throw error;
  } finally {
    for (const end of undo) end();
    for (const layer of layers) atWork.delete(layer);
    tf.dispose([...before.values()]);
    states.dispose();
  }
  if (undo.length === 0) throw invalid('data', 'at least one sample', 'none');
}

/**
 * Checks that all statistics are averaged: a swap does not give those back that are used live.
 * @param live the weights that are not averaged.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
export function checkStatistics(model: LayersModel, live: readonly Pick<Weight, 'name' | 'layerVariable'>[]): void {
  const statistics = statisticsOf(batchNormLayers(model));
  const left = live.find(({ layerVariable }) => statistics.some((statistic) => statistic === layerVariable));
  if (left === undefined) return;
  throw new EmaError(
    'INVALID_ARGUMENT',
    `include and exclude: expected all BatchNorm statistics among the averaged weights, for recomputeBatchNorm, received a choice ` +
      `without ${quote(left.name)}. Let them be averaged, or recompute those of a copy: asModel(), then the function recomputeBatchNorm.`,
  );
}

function statisticsOf(layers: readonly BatchNormLayer[]): LayerVariable[] {
  return layers.flatMap(({ movingMean, movingVariance }) => [movingMean, movingVariance]);
}

/**
 * Makes a layer's statistics the plain mean over what it sees from now on.
 *
 * A layer takes `s = m * s + (1 - m) * batch`: with `m = n / (n + b)`, `n` samples before a batch of `b`, that is the plain mean. It is
 * set at each call, and not each batch, because a graph can apply one layer several times.
 * @returns gives the layer its own momentum back.
 */
function takePlainMean(tf: Tfjs, layer: BatchNormLayer): () => void {
  const { momentum, call } = layer;
  const isOwn = Object.hasOwn(layer, 'call');
  let seen = 0;
  // What stood there before must not even round what comes, and NaN would stay for ever.
  tf.tidy(() => {
    for (const statistic of [layer.movingMean, layer.movingVariance]) statistic.write(tf.zeros(statistic.read().shape));
  });
  layer.call = (inputs, kwargs) => {
    const samples = sampleCount(inputs);
    layer.momentum = seen / (seen + samples);
    seen += samples;
    return call.call(layer, inputs, kwargs);
  };
  return () => {
    layer.momentum = momentum;
    if (isOwn) layer.call = call;
    else Reflect.deleteProperty(layer, 'call');
  };
}

function sampleCount(inputs: Tensor | Tensor[]): number {
  return (Array.isArray(inputs) ? inputs[0] : inputs)?.shape[0] ?? 0;
}

async function forEachBatch(
  tf: Tfjs,
  { data, batchSize }: { readonly data: InputData; readonly batchSize: number },
  run: (batch: TensorInput) => void,
): Promise<void> {
  if (isDataset(data)) {
    const first = nextTensorId(tf);
    for await (const element of elementsOf(data)) {
      const own = tensorsSince(first, element);
      try {
        run(inputsOf(element));
      } finally {
        // The next average goes through the data again: what was there before is the data set's.
        tf.dispose(own);
      }
    }
    return;
  }
  if (!isTensorInput(data)) throw invalid('data', 'tensors, or a tf.data.Dataset of them', data);
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

function inputsOf(element: unknown): TensorInput {
  const xs = typeof element === 'object' && element !== null && 'xs' in element ? element.xs : element;
  if (isTensorInput(xs)) return xs;
  throw invalid('data', 'a data set of tensors, or of { xs, ys }', element);
}
