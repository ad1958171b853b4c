// WideResNet-28-10 for images of 32 x 32.
// Holds no other residual networks; those are in resnet.ts.

import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import { Builder, FEATURES, type LogitNetwork, type LogitSetup } from '../networks/logit-network.js';

/** Filters of the three stages before widening; every stage but the first halves height and width. */
const FILTERS = [16, 32, 64] as const;

/** Pre-activation block: BatchNorm and relu come before each convolution, and before the shortcut's where there is one. */
function block(builder: Builder, x: SymbolicTensor, filters: number, stride: number): SymbolicTensor {
  const conv = { filters, kernel: 3, useBias: false };
  const active = builder.relu(builder.batchNorm(x));
  const y = builder.relu(builder.batchNorm(builder.conv(active, { ...conv, stride })));
  const sameShape = stride === 1 && x.shape.at(-1) === filters;
  const shortcut = sameShape ? x : builder.conv(active, { filters, kernel: 1, stride, useBias: false });
  return builder.sum(builder.conv(y, conv), shortcut);
}

function build(tf: Tf, setup: LogitSetup, size: { readonly depth: number; readonly width: number }): LayersModel {
  const builder = new Builder(tf, setup);
  const input = builder.input();
  const blocks = (size.depth - 4) / 6;
  let x = builder.conv(input, { filters: FILTERS[0], kernel: 3, useBias: false });
  FILTERS.forEach((filters, stage) => {
    for (let index = 0; index < blocks; index += 1) {
      x = block(builder, x, filters * size.width, index === 0 && stage > 0 ? 2 : 1);
    }
  });
  x = builder.relu(builder.batchNorm(x));
  return builder.model(input, builder.layer(x, tf.layers.globalAveragePooling2d({ name: FEATURES })));
}

/**
 * WRN-28-10 without dropout: 36,479,194 trainable parameters for 10 classes.
 * @see Zagoruyko and Komodakis, "Wide Residual Networks", BMVC 2016.
 */
export const wideResnet28x10: LogitNetwork = {
  description: 'WideResNet-28-10',
  build: (tf, setup) => build(tf, setup, { depth: 28, width: 10 }),
};
