// ResNet-18 and ResNet-34 for images of 32 x 32: a 3x3 first convolution, no first pooling.
// Holds no wide or pre-activation variants; those are in wide-resnet.ts.

import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import { Builder, FEATURES, type LogitNetwork, type LogitSetup } from '../networks/logit-network.js';

/** Filters of the four stages; every stage but the first halves height and width. */
const FILTERS = [64, 128, 256, 512] as const;

/** Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes. */
function block(builder: Builder, x: SymbolicTensor, filters: number, stride: number): SymbolicTensor {
  const conv = { filters, kernel: 3, useBias: false };
  let y = builder.relu(builder.batchNorm(builder.conv(x, { ...conv, stride })));
  y = builder.batchNorm(builder.conv(y, conv));
  const sameShape = stride === 1 && x.shape.at(-1) === filters;
  const shortcut = sameShape ? x : builder.batchNorm(builder.conv(x, { filters, kernel: 1, stride, useBias: false }));
  return builder.relu(builder.sum(y, shortcut));
}

function build(tf: Tf, setup: LogitSetup, blocks: readonly number[]): LayersModel {
  const builder = new Builder(tf, setup);
  const input = builder.input();
  let x = builder.relu(builder.batchNorm(builder.conv(input, { filters: FILTERS[0], kernel: 3, useBias: false })));
  FILTERS.forEach((filters, stage) => {
    for (let index = 0; index < (blocks[stage] ?? 0); index += 1) {
      x = block(builder, x, filters, index === 0 && stage > 0 ? 2 : 1);
    }
  });
  return builder.model(input, builder.layer(x, tf.layers.globalAveragePooling2d({ name: FEATURES })));
}

/**
 * ResNet-18: 11,173,962 trainable parameters for 10 classes.
 * @see He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
 */
export const resnet18: LogitNetwork = {
  description: 'ResNet-18 for 32 x 32',
  build: (tf, setup) => build(tf, setup, [2, 2, 2, 2]),
};

/** ResNet-34: 21,282,122 trainable parameters for 10 classes. */
export const resnet34: LogitNetwork = {
  description: 'ResNet-34 for 32 x 32',
  build: (tf, setup) => build(tf, setup, [3, 4, 6, 3]),
};
