// VGG-16 without BatchNorm for images of 32 x 32.
// Holds its dropout too, since tfjs's own repeats its mask when it is given a seed.

import type { LayersModel, Tensor } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import { Builder, FEATURES, type LogitNetwork, type LogitSetup } from '../networks/logit-network.js';

/** Convolutions between the poolings. */
const STAGES = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
] as const;
const DENSE_UNITS = 512;
const DROPOUT = 0.5;

/** Dropout whose masks follow from the seed and the number of the call: the same in every run, another at every step. */
function seededDropout(tf: Tf, seed: number) {
  class SeededDropout extends tf.layers.Layer {
    static readonly className = 'SeededDropout';
    #calls = 0;

    override call(inputs: Tensor | Tensor[], { training }: { readonly training?: boolean } = {}): Tensor | Tensor[] {
      if (training !== true) return inputs;
      this.#calls += 1;
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      if (x === undefined) throw new RangeError('SeededDropout: expected one input, received none');
      return tf.dropout(x, DROPOUT, undefined, `${seed}-${this.#calls}`);
    }

    override computeOutputShape(shape: (number | null)[]): (number | null)[] {
      return shape;
    }
  }
  return new SeededDropout({});
}

function build(tf: Tf, setup: LogitSetup): LayersModel {
  const builder = new Builder(tf, setup);
  const input = builder.input();
  let x = input;
  for (const stage of STAGES) {
    for (const filters of stage) x = builder.conv(x, { filters, kernel: 3, activation: 'relu' });
    x = builder.layer(x, tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }));
  }
  x = builder.layer(x, tf.layers.flatten({ name: FEATURES }));
  for (let index = 0; index < 2; index += 1) {
    x = builder.layer(x, seededDropout(tf, builder.seed()));
    x = builder.dense(x, DENSE_UNITS, { activation: 'relu' });
  }
  return builder.model(input, x);
}

/**
 * VGG-16 with two hidden dense layers of 512 units, as in the reference code of stochastic weight averaging: 15,245,130
 * parameters for 10 classes.
 * @see Simonyan and Zisserman, ICLR 2015; https://github.com/timgaripov/swa, models/vgg.py
 */
export const vgg16: LogitNetwork = {
  description: 'VGG-16 without BatchNorm for 32 x 32',
  build,
};
