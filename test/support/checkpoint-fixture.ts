// The model and options of test/fixtures/checkpoint.safetensors, for the script that records it and the test that reads it.
// Holds no expectations.

import type { Sequential } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-node';
import type { EmaOptions } from '../../src/index.js';

/** Options of the recorded run. */
export const CHECKPOINT_OPTIONS: EmaOptions = {
  decays: [0.9, 0.99, 0.999],
  updateEvery: 2,
  precision: 'compensated',
  onWarning: () => undefined,
};

/** Dense, BatchNorm, dense, with names of their own. */
export function checkpointModel(): Sequential {
  const ones = { kernelInitializer: 'ones' } as const;
  return tf.sequential({
    layers: [
      tf.layers.dense({ name: 'in', units: 3, inputShape: [2], ...ones }),
      tf.layers.batchNormalization({ name: 'norm' }),
      tf.layers.dense({ name: 'out', units: 2, ...ones }),
    ],
  }) as Sequential;
}
