// Small models of every kind, their data, and looks at their weights.
// Holds no expectations.

import type { LayersModel, LayerVariable, Optimizer, Sequential, Tensor, Tensor2D } from '@tensorflow/tfjs';
import * as tfNode from '@tensorflow/tfjs-node';
import type { Tfjs } from '../../src/tfjs/backend.js';
import { floats } from './random.js';

export { floats, randoms } from './random.js';

/** tfjs as the tests use it. */
export type TestTf = Tfjs & typeof import('@tensorflow/tfjs');

/** tfjs-node. */
export const tf: TestTf = tfNode;

/** Data of three classes that can be learnt. */
export function data(samples = 64, seed = 7): { x: Tensor2D; y: Tensor2D } {
  const values = floats(samples * 4, seed);
  const labels = Array.from({ length: samples }, (_, i) => {
    const row = values.subarray(4 * i, 4 * i + 3);
    return row.indexOf(Math.max(...row));
  });
  const y = tf.tidy(() => tf.oneHot(tf.tensor1d(labels, 'int32'), 3).toFloat() as Tensor2D);
  return { x: tf.tensor2d(values, [samples, 4]), y };
}

const dense = (units: number, seed: number, rest: object = {}) =>
  tf.layers.dense({ units, kernelInitializer: tf.initializers.glorotUniform({ seed }), ...rest });

/** Dense, BatchNorm, dense; the same weights in every call. */
export function denseModel(optimizer: Optimizer | string = 'sgd'): Sequential {
  const model = tf.sequential({
    layers: [
      dense(8, 1, { inputShape: [4], activation: 'relu' }),
      tf.layers.batchNormalization(),
      dense(3, 2, { activation: 'softmax' }),
    ],
  });
  model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

/** One weight, w, and y = w x: its training has a closed form. */
export function lineModel(learningRate = 0.1): Sequential {
  const layer = tf.layers.dense({ units: 1, inputShape: [1], useBias: false, kernelInitializer: 'ones' });
  const model = tf.sequential({ layers: [layer] });
  model.compile({ optimizer: tf.train.sgd(learningRate), loss: 'meanSquaredError' });
  return model;
}

/** One layer applied twice. */
export function sharedModel(): LayersModel {
  const input = tf.input({ shape: [4] });
  const shared = dense(4, 3, { activation: 'tanh' });
  const output = dense(3, 4, { activation: 'softmax' }).apply(shared.apply(shared.apply(input)));
  const model = tf.model({ inputs: input, outputs: output as never });
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
  return model;
}

/** A model inside a model, both with BatchNorm, and one layer wrapped. */
export function nestedModel(): LayersModel {
  const inner = tf.sequential({
    name: 'inner',
    layers: [dense(6, 5, { inputShape: [4], name: 'twin' }), tf.layers.batchNormalization()],
  });
  const input = tf.input({ shape: [4] });
  const middle = tf.layers.batchNormalization().apply(inner.apply(input));
  const sequence = tf.layers.reshape({ targetShape: [3, 2] }).apply(middle);
  const wrapped = tf.layers.timeDistributed({ layer: dense(2, 6, { name: 'step' }) }).apply(sequence);
  const output = dense(3, 7, { activation: 'softmax', name: 'head' }).apply(tf.layers.flatten().apply(wrapped));
  const model = tf.model({ inputs: input, outputs: output as never });
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
  return model;
}

/** Two outputs, each with a loss and a metric. */
export function twoOutputModel(): LayersModel {
  const input = tf.input({ shape: [4] });
  const trunk = dense(5, 8, { activation: 'relu' }).apply(input);
  const a = dense(3, 9, { activation: 'softmax', name: 'a' }).apply(trunk);
  const b = dense(3, 10, { activation: 'softmax', name: 'b' }).apply(trunk);
  const model = tf.model({ inputs: input, outputs: [a, b] as never });
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

/** Copies of the values of every weight, in the order of `model.weights`. */
export function weightValues(model: LayersModel): Float32Array[] {
  return model.weights.map((weight) => Float32Array.from(weight.read().dataSync()));
}

/** Sets every weight to new values of this seed; variances stay positive. */
export function setRandomWeights(model: LayersModel, seed: number): void {
  model.weights.forEach((weight, i) => {
    const values = floats(weight.read().size, seed * 1000 + i);
    const fitting = weight.name.includes('variance') ? values.map((value) => 1.5 + value) : values;
    assign(weight, () => tf.tensor(fitting, weight.read().shape));
  });
}

/** Gives a weight a new value, as an optimizer does. */
export function assign(weight: LayerVariable | undefined, value: () => Tensor): void {
  tf.tidy(() => {
    weight?.write(value());
  });
}

/** Adds an integer weight to a model's first layer, as layers of a user's own may have. */
export function addCounter(model: LayersModel): LayerVariable {
  // The method is protected: a layer calls it in its own build().
  const layer = model.layers[0] as unknown as {
    addWeight(name: string, shape: number[], dtype: string, initializer: object): LayerVariable;
  };
  return layer.addWeight('counter', [1], 'int32', tf.initializers.zeros());
}

/** Copies of tensors by name. */
export function valuesOf(named: { [name: string]: Tensor }): { [name: string]: Float32Array } {
  return Object.fromEntries(
    Object.entries(named).map(([name, tensor]) => [name, Float32Array.from(tensor.dataSync())]),
  );
}
