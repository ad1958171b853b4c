// The models that `npm run bench:fit` trains: their weights have the shapes of shapes.ts.
// Holds layers only: no data, no timing.

import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs';
import { tf } from '../study/tfjs.js';

/** A model to train. */
export interface FitModel {
  /** Name of its shapes in shapes.ts. */
  readonly shape: string;
  /** Shape of one sample. */
  readonly input: readonly number[];
  readonly batchSize: number;
  /** Batches of one timed fit: a multiple of every `updateEvery`, so that each fit has its share of updates. */
  readonly steps: number;
  readonly build: () => LayersModel;
}

const { layers } = tf;
const CLASSES = 10;

// Every layer here takes one tensor and returns one.
function apply(
  layer: { apply(input: SymbolicTensor | SymbolicTensor[]): unknown },
  input: SymbolicTensor | SymbolicTensor[],
): SymbolicTensor {
  return layer.apply(input) as SymbolicTensor;
}

function modelOf(input: readonly number[], body: (input: SymbolicTensor) => SymbolicTensor): LayersModel {
  const inputs = tf.input({ shape: [...input] });
  return tf.model({ inputs, outputs: body(inputs) });
}

const relu = (x: SymbolicTensor): SymbolicTensor => apply(layers.activation({ activation: 'relu' }), x);
const norm = (x: SymbolicTensor): SymbolicTensor => apply(layers.batchNormalization(), x);
const classify = (x: SymbolicTensor): SymbolicTensor =>
  apply(layers.dense({ units: CLASSES, activation: 'softmax' }), x);

function conv(
  x: SymbolicTensor,
  options: { filters: number; size: number; strides?: number; useBias?: boolean },
): SymbolicTensor {
  const { filters, size, strides = 1, useBias = false } = options;
  return apply(layers.conv2d({ filters, kernelSize: size, strides, useBias, padding: 'same' }), x);
}

function smallCnn(): LayersModel {
  return modelOf([32, 32, 3], (input) => {
    let x = input;
    for (const [index, filters] of [16, 32, 64, 64].entries()) {
      x = relu(norm(conv(x, { filters, size: 3, useBias: true })));
      if (index < 3) x = apply(layers.maxPooling2d({ poolSize: 2 }), x);
    }
    return classify(apply(layers.dense({ units: 32, activation: 'relu' }), apply(layers.flatten(), x)));
  });
}

function mlp(): LayersModel {
  return modelOf([784], (input) => {
    const hidden = (x: SymbolicTensor): SymbolicTensor => apply(layers.dense({ units: 1024, activation: 'relu' }), x);
    return classify(hidden(hidden(input)));
  });
}

function basicBlock(x: SymbolicTensor, from: number, to: number): SymbolicTensor {
  const strides = from === to ? 1 : 2;
  const first = relu(norm(conv(x, { filters: to, size: 3, strides })));
  const second = norm(conv(first, { filters: to, size: 3 }));
  const shortcut = from === to ? x : norm(conv(x, { filters: to, size: 1, strides }));
  return relu(apply(layers.add(), [second, shortcut]));
}

function resnet18(): LayersModel {
  return modelOf([32, 32, 3], (input) => {
    let x = relu(norm(conv(input, { filters: 64, size: 3 })));
    let width = 64;
    for (const to of [64, 128, 256, 512]) {
      for (const from of [width, to]) x = basicBlock(x, from, to);
      width = to;
    }
    return classify(apply(layers.globalAveragePooling2d({}), x));
  });
}

/** The models, small to large. */
export const FIT_MODELS: readonly FitModel[] = [
  { shape: 'small-cnn', input: [32, 32, 3], batchSize: 32, steps: 32, build: smallCnn },
  { shape: 'mlp', input: [784], batchSize: 32, steps: 64, build: mlp },
  { shape: 'resnet-18-cifar', input: [32, 32, 3], batchSize: 8, steps: 16, build: resnet18 },
];
