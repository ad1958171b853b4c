// Convolutional networks for signals of one row: plain, and deep with BatchNorm.
// The networks for images are in study-net.ts.

import type { SymbolicTensor } from '@tensorflow/tfjs-node';
import { Builder, FEATURES, type LogitNetwork } from './logit-network.js';

const FILTERS = 25;
/** Kernel and stride of each layer: those of the benchmark's own network. */
const LAYERS = [
  [5, 2],
  [3, 2],
  [3, 2],
] as const;
/** Twice as many, all with BatchNorm. */
const NORMED_LAYERS = [
  [5, 1],
  [5, 2],
  [3, 1],
  [3, 2],
  [3, 1],
  [3, 2],
] as const;

/** Three convolutions of 25 filters. */
export const convNet: LogitNetwork = {
  description: 'conv 5 x25 /2, conv 3 x25 /2, conv 3 x25 /2, dense',
  build: (tf, setup) => {
    const builder = new Builder(tf, setup);
    const input = builder.input();
    const x = LAYERS.reduce<SymbolicTensor>((previous, [kernel, stride]) => {
      return builder.relu(builder.conv(previous, { filters: FILTERS, kernel: [1, kernel], stride: [1, stride] }));
    }, input);
    return builder.model(input, builder.layer(x, tf.layers.flatten({ name: FEATURES })));
  },
};

/** Six convolutions of 25 filters, each with BatchNorm. */
export const convNetDeepNorm: LogitNetwork = {
  description: 'six convolutions x25 with BatchNorm, dense',
  build: (tf, setup) => {
    const builder = new Builder(tf, setup);
    const input = builder.input();
    const x = NORMED_LAYERS.reduce<SymbolicTensor>((previous, [kernel, stride]) => {
      const shape = { filters: FILTERS, kernel: [1, kernel], stride: [1, stride], useBias: false } as const;
      return builder.relu(builder.batchNorm(builder.conv(previous, shape)));
    }, input);
    return builder.model(input, builder.layer(x, tf.layers.flatten({ name: FEATURES })));
  },
};
