// Fully connected networks for tables of numbers: plain, and deep with BatchNorm.
// Convolutions are in conv-1d.ts.

import type { LayersModel } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import { Builder, FEATURES, type LogitNetwork, type LogitSetup } from './logit-network.js';

const UNITS = 128;
const NORMED_UNITS = 64;
/** Layers with BatchNorm: enough of them for statistics that do not belong to the weights to add up. */
const NORMED = 6;

/** Two hidden layers of 128. */
export const perceptronNet: LogitNetwork = {
  description: 'dense 128, dense 128, dense',
  build: (tf, setup) => {
    const builder = new Builder(tf, setup);
    const input = builder.input();
    const first = builder.dense(builder.layer(input, tf.layers.flatten()), UNITS, { activation: 'relu' });
    return builder.model(input, builder.dense(first, UNITS, { activation: 'relu', name: FEATURES }));
  },
};

/** Six hidden layers of 64, each with BatchNorm. */
export const perceptronNetDeepNorm: LogitNetwork = {
  description: 'six times dense 64 with BatchNorm, dense',
  build: (tf: Tf, setup: LogitSetup): LayersModel => {
    const builder = new Builder(tf, setup);
    const input = builder.input();
    let x = builder.layer(input, tf.layers.flatten());
    for (let layer = 0; layer < NORMED; layer += 1) {
      x = builder.relu(builder.batchNorm(builder.dense(x, NORMED_UNITS, { useBias: false })));
    }
    return builder.model(input, builder.layer(x, tf.layers.activation({ activation: 'linear', name: FEATURES })));
  },
};
