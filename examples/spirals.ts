// A toy problem that the examples share: two spirals in the plane, with noise, and a small network for it.
// Holds nothing of tfjs-ema.

import * as tf from '@tensorflow/tfjs-node';

/** Points of two spirals and their class: x is [count, 2], y is [count, 1]. With much noise the spirals overlap. */
export function spirals(count: number, seed: number, spread = 0.05): { x: tf.Tensor2D; y: tf.Tensor2D } {
  return tf.tidy(() => {
    const y = tf.range(0, count).mod(2).reshape([count, 1]) as tf.Tensor2D;
    const radius = tf.randomUniform([count, 1], 0.2, 1, 'float32', seed);
    const angle = radius.mul(6).add(y.mul(Math.PI));
    const noise = tf.randomNormal([count, 2], 0, spread, 'float32', seed + 1);
    const x = tf.concat([radius.mul(angle.cos()), radius.mul(angle.sin())], 1).add(noise) as tf.Tensor2D;
    return { x, y };
  });
}

/** A compiled network with two hidden layers. */
export function network(seed: number): tf.Sequential {
  const kernelInitializer = (offset: number) => tf.initializers.heNormal({ seed: seed + offset });
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [2], units: 32, activation: 'relu', kernelInitializer: kernelInitializer(0) }),
      tf.layers.dense({ units: 32, activation: 'relu', kernelInitializer: kernelInitializer(1) }),
      tf.layers.dense({ units: 1, activation: 'sigmoid', kernelInitializer: kernelInitializer(2) }),
    ],
  });
  model.compile({ optimizer: tf.train.momentum(0.1, 0.9), loss: 'binaryCrossentropy', metrics: ['accuracy'] });
  return model;
}
