// A small convolutional network with BatchNorm, for images of about 28 x 28: seconds per epoch on two cores.
// One network a file.

import type { LayersModel } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import { type Network, type NetworkSetup, weightSeeds } from './network.js';

/** Filters of the convolutions; each halves height and width. */
const FILTERS = [16, 32] as const;
const DENSE_UNITS = 64;
/** Short, so that the statistics follow the weights of the last ~10 steps: runs here have hundreds of steps, not 100,000. */
const BATCH_NORM_MOMENTUM = 0.9;

function build(tf: Tf, { inputShape, classes, seed }: NetworkSetup): LayersModel {
  const nextSeed = weightSeeds(seed);
  const heNormal = () => tf.initializers.heNormal({ seed: nextSeed() });
  const model = tf.sequential();
  FILTERS.forEach((filters, index) => {
    const shape = index === 0 ? { inputShape: [...inputShape] } : {};
    const convolution = { filters, kernelSize: 3, strides: 2, padding: 'same', useBias: false, ...shape } as const;
    model.add(tf.layers.conv2d({ ...convolution, kernelInitializer: heNormal() }));
    model.add(tf.layers.batchNormalization({ momentum: BATCH_NORM_MOMENTUM }));
    model.add(tf.layers.activation({ activation: 'relu' }));
  });
  model.add(tf.layers.flatten());
  model.add(tf.layers.dense({ units: DENSE_UNITS, activation: 'relu', kernelInitializer: heNormal() }));
  const glorotUniform = tf.initializers.glorotUniform({ seed: nextSeed() });
  model.add(tf.layers.dense({ units: classes, activation: 'softmax', kernelInitializer: glorotUniform }));
  return model;
}

/** Two convolutions with BatchNorm, two dense layers. */
export const smallCnn: Network = {
  description: 'conv 3x3 x16 /2, BatchNorm, conv 3x3 x32 /2, BatchNorm, dense 64, softmax',
  build,
};
