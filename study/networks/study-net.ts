// The study's own networks: small enough for forty runs on two cores, large enough to memorise noisy labels.
// Holds the paper's networks no more than their recipe.

import type { LayersModel } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import { Builder, FEATURES, type LogitNetwork, type LogitSetup } from './logit-network.js';

const FILTERS = [8, 16] as const;
const DENSE_UNITS = 64;

function build(tf: Tf, setup: LogitSetup, batchNorm: boolean): LayersModel {
  const builder = new Builder(tf, setup);
  const input = builder.input();
  let x = input;
  for (const filters of FILTERS) {
    x = builder.conv(x, { filters, kernel: 3, stride: 2, useBias: !batchNorm });
    if (batchNorm) x = builder.batchNorm(x);
    x = builder.relu(x);
  }
  // The features are the convolutions' output: those of the dense layer transfer worse than random ones.
  x = builder.layer(x, tf.layers.flatten({ name: FEATURES }));
  return builder.model(input, builder.dense(x, DENSE_UNITS, { activation: 'relu' }));
}

/** Two strided convolutions and two dense layers: 52,138 parameters on 28 x 28 x 1 and 10 classes. */
export const studyNet: LogitNetwork = {
  description: 'conv 3x3 x8 /2, conv 3x3 x16 /2, dense 64, dense',
  build: (tf, setup) => build(tf, setup, false),
};

/** The same with BatchNorm after the convolutions: 52,210 parameters, 48 of them moving statistics. */
export const studyNetBatchNorm: LogitNetwork = {
  description: 'conv 3x3 x8 /2, BatchNorm, conv 3x3 x16 /2, BatchNorm, dense 64, dense',
  build: (tf, setup) => build(tf, setup, true),
};
