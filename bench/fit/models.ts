// The models that `npx tsx bench/fit.ts` trains: their weights have the shapes of shapes.ts.
// Holds layers only: no data, no timing.

import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs';
import { tf } from '../../tools/shared/tfjs.js';
import type { FitShape } from './trials.js';

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

const BUILDERS: { readonly [Shape in FitShape]: () => LayersModel } = {
  'small-cnn': smallCnn,
  mlp,
  'resnet-18-cifar': resnet18,
};

/** Builds a model, not compiled. */
export function buildModel(shape: FitShape): LayersModel {
  return BUILDERS[shape]();
}
